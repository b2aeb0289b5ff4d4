import CPosix
import Foundation
import Identities
import TestSupport
import Testing
import Transport

@testable import Framewire

/// Frames over `tls:` URLs.
@Suite(.timeLimit(.minutes(2))) struct TLSTests {
    private let folder: TemporaryFolder
    private let sender: TLSOptions
    private let receiver: TLSOptions
    private let senderPin: String
    private let receiverPin: String
    private let authority: String

    init() throws {
        folder = try TemporaryFolder()
        var description = Identity.Description(name: "authority")
        description.isAuthority = true
        let authority = try Identity(description)
        self.authority = folder.path + "/authority.pem"
        try Data(authority.certificate).write(to: URL(fileURLWithPath: self.authority))
        var identities: [Identity] = []
        var options: [TLSOptions] = []
        for role in ["sender", "receiver"] {
            var description = Identity.Description(name: role)
            description.hosts = ["127.0.0.1"]
            let identity = try Identity(description, issuer: authority)
            var files = TLSOptions()
            // Both in one file.
            files.certificateFile = "\(folder.path)/\(role).pem"
            try Data(identity.certificate + identity.key).write(
                to: URL(fileURLWithPath: files.certificateFile!))
            identities.append(identity)
            options.append(files)
        }
        (sender, receiver) = (options[0], options[1])
        (senderPin, receiverPin) = (identities[0].fingerprint, identities[1].fingerprint)
    }

    /// Each side's options when they know each other by fingerprint or by the authority.
    private func options(pinned: Bool) -> (sender: Sender.Options, receiver: Receiver.Options) {
        var sending = Sender.Options()
        sending.tls = sender
        sending.overflow = .block
        sending.queueDepth = 8
        var receiving = Receiver.Options()
        receiving.tls = receiver
        if pinned {
            sending.tls.pins = [receiverPin]
            receiving.tls.pins = [senderPin]
        } else {
            sending.tls.authorityFile = authority
            receiving.tls.authorityFile = authority
        }
        return (sending, receiving)
    }

    private func expectFrames(_ sender: Sender, _ receiver: Receiver, case number: Int) throws {
        let shown = pictures(4, case: number)
        for picture in shown { try push(picture, to: sender) }
        for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
    }

    @Test(arguments: [true, false], [true, false])
    func framesArriveInBothDirectionsOfConnection(_ pinned: Bool, _ senderListens: Bool) throws {
        let (sending, receiving) = options(pinned: pinned)
        if senderListens {
            let sender = try Sender(to: "tls://127.0.0.1:0?listen=1", options: sending)
            let receiver = try Receiver(
                from: "tls://127.0.0.1:\(sender.port)?connect=1", options: receiving)
            try expectFrames(sender, receiver, case: 5000)
        } else {
            let receiver = try Receiver(from: "tls://127.0.0.1:0", options: receiving)
            let sender = try Sender(to: "tls://127.0.0.1:\(receiver.port)", options: sending)
            try expectFrames(sender, receiver, case: 5001)
            // The receiver's answers come back as well.
            try eventually("the acknowledgements") { sender.stats.framesAcknowledged == 4 }
        }
    }

    @Test func largeFramesArriveWhole() throws {
        var (sending, receiving) = options(pinned: true)
        sending.profile = .raw
        receiving.once = true
        let receiver = try Receiver(from: "tls://127.0.0.1:0", options: receiving)
        let sender = try Sender(to: "tls://127.0.0.1:\(receiver.port)", options: sending)
        let shown = largePictures(4)
        for picture in shown { try push(picture, to: sender) }
        let closing = Background { sender.close() }
        for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
        let error = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(error?.code == .closed)
        try closing.join()
    }

    @Test func aSenderThatIsNotPinnedCostsAWarningAndTheNextIsServed() throws {
        let (sending, receiving) = options(pinned: true)
        let receiver = try Receiver(from: "tls://127.0.0.1:0", options: receiving)
        let url = "tls://127.0.0.1:\(receiver.port)"
        var wrong = sending
        wrong.tls.certificateFile = receiverCertificate
        wrong.reconnect = .never
        let refused = try Sender(to: url, options: wrong)
        var failure: FramewireError?
        try eventually("the refusal") {
            do {
                try push(pictures(1)[0], to: refused)
            } catch let error as FramewireError {
                failure = error
            }
            return failure != nil
        }
        #expect(
            failure?.message.contains("does not accept this side's certificate") == true,
            "\(failure!.message)")
        let good = try Sender(to: url, options: sending)
        try expectFrames(good, receiver, case: 5100)
        #expect(receiver.stats.connections == 1)
    }

    private var receiverCertificate: String? { receiver.certificateFile }

    /// Peers that say nothing, or something else, keep nobody out.
    @Test func silentAndForeignPeersDoNotKeepASenderOut() throws {
        let (sending, receiving) = options(pinned: true)
        let receiver = try Receiver(from: "tls://127.0.0.1:0", options: receiving)
        let plain = try Endpoint(parsing: "tcp://127.0.0.1:\(receiver.port)")
        let silent = try Connector.connect(plain, timeout: hangLimit)
        let foreign = try Connector.connect(plain, timeout: hangLimit)
        try write(Array("GET / HTTP/1.1\r\n\r\n".utf8), to: foreign)
        let sender = try Sender(to: "tls://127.0.0.1:\(receiver.port)", options: sending)
        try expectFrames(sender, receiver, case: 5200)
        withExtendedLifetime(silent) {}
    }

    @Test func aReceiverThatIsNotTheOneThatWasPinnedIsRefusedAtOpen() throws {
        var (sending, receiving) = options(pinned: true)
        let receiver = try Receiver(from: "tls://127.0.0.1:0", options: receiving)
        sending.tls.pins = [senderPin]
        let error = #expect(throws: FramewireError.self) {
            try Sender(to: "tls://127.0.0.1:\(receiver.port)", options: sending)
        }
        #expect(error?.code == .permission)
        #expect(error?.message.contains(receiverPin) == true)
        receiving.tls = TLSOptions()
    }

    @Test func aSenderGoesOnWhenItsReceiverIsOpenedAgain() throws {
        let (sending, receiving) = options(pinned: true)
        let place = "tls://127.78.0.1"
        let first = try Receiver(from: "\(place):0", options: receiving)
        let url = "\(place):\(first.port)"
        let sender = try Sender(to: url, options: sending)
        try expectFrames(sender, first, case: 5300)
        first.close()
        let second = try Receiver(from: url, options: receiving)
        try expectFrames(sender, second, case: 5301)
        #expect(sender.stats.connections == 2)
    }

    @Test func aPlainSenderToATLSReceiverFails() throws {
        let (_, receiving) = options(pinned: true)
        let receiver = try Receiver(from: "tls://127.0.0.1:0", options: receiving)
        var plain = Sender.Options()
        plain.reconnect = .never
        let sender = try Sender(to: "tcp://127.0.0.1:\(receiver.port)", options: plain)
        try eventually("the loss") {
            do {
                try push(pictures(1)[0], to: sender)
            } catch {
                return true
            }
            return false
        }
        #expect(receiver.stats.connections == 0)
    }

    @Test func tlsOptionsWithAPlainURLAreRefused() {
        var sending = Sender.Options()
        sending.tls.pins = [receiverPin]
        for url in ["tcp://127.0.0.1:1", "unix:///tmp/nobody"] {
            let error = #expect(throws: FramewireError.self) { try Sender(to: url, options: sending) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("tls://") == true)
        }
    }

    @Test func listeningWithoutACertificateIsRefusedAtOpen() {
        let error = #expect(throws: FramewireError.self) { try Receiver(from: "tls://127.0.0.1:0") }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("certificate") == true)
    }
}
