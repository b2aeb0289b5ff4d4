import Buffers
import CPosix

/// Packets that came before their turn, by sequence number: a bounded number of them, each a copy.
final class ReorderWindow {
    private struct Slot {
        var bytes: UnsafeMutableRawPointer?
        var capacity = 0
        var size = 0
        var isFilled = false
    }

    /// A power of two above the largest distance, so that the lower bits of a sequence number are its place.
    private let mask: Int
    private let slots: UnsafeMutablePointer<Slot>
    /// How many packets are held.
    private(set) var count = 0

    /// Room for packets that are up to `distance` ahead, at most 1024.
    init(distance: Int) {
        var places = 1
        while places <= distance { places *= 2 }
        mask = places - 1
        slots = .allocate(capacity: places)
        slots.initialize(repeating: Slot(), count: places)
    }

    deinit {
        for index in 0...mask { free(slots[index].bytes) }
        slots.deallocate()
    }

    func holds(_ sequence: UInt16) -> Bool { slots[Int(sequence) & mask].isFilled }

    func insert(_ packet: UnsafeRawBufferPointer, _ sequence: UInt16) throws(BufferError) {
        let slot = slots + (Int(sequence) & mask)
        if slot.pointee.capacity < packet.count {
            guard let bytes = realloc(slot.pointee.bytes, packet.count) else {
                throw .noMemory(bytes: packet.count)
            }
            slot.pointee.bytes = bytes
            slot.pointee.capacity = packet.count
        }
        memcpy(slot.pointee.bytes!, packet.baseAddress!, packet.count)
        slot.pointee.size = packet.count
        slot.pointee.isFilled = true
        count += 1
    }

    /// Takes the packet out that has come; its bytes are valid until the next one is inserted.
    func remove(_ sequence: UInt16) -> UnsafeRawBufferPointer? {
        let slot = slots + (Int(sequence) & mask)
        guard slot.pointee.isFilled else { return nil }
        slot.pointee.isFilled = false
        count -= 1
        return UnsafeRawBufferPointer(start: slot.pointee.bytes, count: slot.pointee.size)
    }
}
