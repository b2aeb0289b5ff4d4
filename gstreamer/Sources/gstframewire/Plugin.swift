import CGStreamer
import Framewire
@_cdecl("gst_plugin_framewire_register")
public func gst_plugin_framewire_register() {
    _ = try? Receiver(from: "tcp://:0")
}
