// A program that is linked dynamically against the Swift runtime, and against the library, plays pipelines with all four
// elements of the plugin, which has both inside: none may see the other's types, symbols or caches.

import CFramewire
import CGStreamer
import Foundation

func fail(_ text: String) -> Never {
    print("clash_test: \(text)")
    exit(1)
}

protocol Shape { var area: Double { get } }
struct Square: Shape, Hashable { var side = 0.0; var area: Double { side * side } }
final class Circle: Shape { var radius = 1.0; var area: Double { 3 * radius * radius } }
struct Complaint: Error, Equatable { var text: String }

/// Everything that the runtime looks up by name, by type or in its caches.
func useRuntime(_ round: Int) async {
    let shapes: [Any] = [Square(side: Double(round)), Circle(), "text", round]
    guard shapes.compactMap({ $0 as? any Shape }).count == 2 else { fail("casts to a protocol go wrong") }
    guard "\(type(of: shapes[0]))" == "Square" else { fail("a type's name is \(type(of: shapes[0]))") }
    do {
        throw Complaint(text: "\(round)")
    } catch let complaint as Complaint {
        guard complaint == Complaint(text: "\(round)") else { fail("an error lost its value") }
    } catch {
        fail("an error lost its type")
    }
    let sum = await withTaskGroup(of: Int.self) { group in
        for part in 0..<8 { group.addTask { part * round } }
        return await group.reduce(0, +)
    }
    guard sum == 28 * round else { fail("tasks gave \(sum)") }
    guard Set((0..<100).map { Square(side: Double($0 % 10)) }).count == 10 else { fail("hashing goes wrong") }
    guard let data = try? JSONEncoder().encode(["round": round]),
        String(decoding: data, as: UTF8.self).contains("\(round)")
    else { fail("encoding goes wrong") }
}

/// Plays until the end of the stream.
func play(_ description: String) {
    var error: UnsafeMutablePointer<GError>?
    guard let pipeline = gst_parse_launch(description, &error), error == nil else {
        fail("\(description): \(error.map { String(cString: $0.pointee.message) } ?? "")")
    }
    gst_element_set_state(pipeline, GST_STATE_PLAYING)
    let bus = gst_element_get_bus(pipeline)
    let ends = GstMessageType(rawValue: GST_MESSAGE_EOS.rawValue | GST_MESSAGE_ERROR.rawValue)
    guard let message = gst_bus_timed_pop_filtered(bus, 30_000_000_000, ends) else {
        fail("\(description) does not end")
    }
    guard message.pointee.type == GST_MESSAGE_EOS else { fail("\(description) fails") }
    gst_message_unref(message)
    gst_object_unref(bus)
    gst_element_set_state(pipeline, GST_STATE_NULL)
    gst_object_unref(pipeline)
}

@main
enum Program {
    static func main() async {
        gst_init(nil, nil)
        let recording = NSTemporaryDirectory() + "framewire-clash-\(getpid()).fwr"
        for round in 1...20 {
            await useRuntime(round)
            play("videotestsrc num-buffers=5 ! lz4enc profile=tile ! lz4dec ! fakesink")
            await useRuntime(round)
            let sink = "framewiresink sync=false overflow=block uri=file://\(recording)"
            play("videotestsrc num-buffers=5 ! \(sink)")
            play("framewiresrc uri=file://\(recording) ! fakesink")
            // The library's own copy of the same code, in the same process.
            var receiver: OpaquePointer?
            guard fw_receiver_open("file://\(recording)", nil, &receiver) == FW_OK else {
                fail("the library cannot read")
            }
            var frames = 0
            var frame: OpaquePointer?
            while fw_receiver_next(receiver, -1, &frame) == FW_OK {
                frames += 1
                fw_frame_unref(frame)
            }
            fw_receiver_close(receiver)
            guard frames == 5 else { fail("the library read \(frames) frames of 5") }
        }
        unlink(recording)
        print("all passed")
    }
}
