import Buffers
import RTP
import Transport

// Makes objects of classes for the C functions that this module does not use itself. In Embedded Swift each module has a
// copy of the metadata of the classes that it makes, in one piece with that of all others: made in FramewireC, these would
// bring all of its copies into the library, 10 KB.

extension H264Payloader {
    @inline(never)
    package static func make(_ options: Options) throws(BufferError) -> H264Payloader {
        try H264Payloader(options)
    }
}

extension H264Depayloader {
    @inline(never)
    package static func make(_ options: Options) throws(BufferError) -> H264Depayloader {
        try H264Depayloader(options)
    }
}

extension UDPSink {
    @inline(never)
    package static func make(to url: String, options: Options) throws(TransportError) -> UDPSink {
        try UDPSink(to: url, options: options)
    }
}
