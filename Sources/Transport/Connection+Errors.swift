import Buffers
import CPosix

extension Connection {
    func writeError(_ errno: Errno) -> TransportError {
        if isFile || channel == .regularFile {
            let doing: Sentence = "cannot write to \(peerName) after \(bytesWritten) bytes"
            return switch errno.code {
            case EPIPE: TransportError(.closed, code: errno.code, "\(doing): the reader of the pipe has gone")
            case ENOSPC:
                TransportError(errno, doing: doing, fallback: .io, hint: "the disk is full, free some space")
            case EDQUOT, EFBIG:
                TransportError(errno, doing: doing, fallback: .io, hint: "choose another place")
            default: TransportError(errno, doing: doing, fallback: .io)
            }
        }
        if errno.code == EPIPE {
            return TransportError(.closed, code: errno.code, "\(peerName) has closed the connection")
        }
        return socketError(errno, doing: "cannot send to \(peerName)")
    }

    func readError(_ errno: Errno) -> TransportError {
        if isFile || channel == .regularFile {
            return TransportError(
                errno, doing: "cannot read \(peerName) after \(bytesRead) bytes", fallback: .io)
        }
        return socketError(errno, doing: "cannot receive from \(peerName)")
    }

    private func socketError(_ errno: Errno, doing: Sentence) -> TransportError {
        switch errno.code {
        case EBADF:
            TransportError(.closed, code: errno.code, "the connection to \(peerName) is closed")
        case ECONNRESET:
            TransportError(
                .connection, code: errno.code,
                "\(peerName) has reset the connection; did the program there end?")
        default:
            TransportError(errno, doing: doing, fallback: .connection)
        }
    }
}
