import Buffers
import Codec

/// How one frame is to be coded.
package struct FrameCoding {
    package var profile: Profile
    /// What the frame is coded against, in the tile profiles; nil makes a key frame.
    package var reference: FrameSlot?
    /// Where a packed copy of the frame goes, to be a reference later, if the frame itself does not stay.
    package var copy: FrameSlot?

    package init(profile: Profile) {
        self.profile = profile
    }
}

/// The newest frame of each stream and view, which the next one may be coded against. It owns them.
///
/// A stream and view has a place here from its first frame in a tile profile on. Sender and receiver keep the same
/// number of places and give up the one that was used least recently, so that the one never names what the other has
/// given up.
final class References {
    static let maximumPairs = 8

    private struct Place {
        let streamID: UInt32
        let viewID: UInt32
        /// Nil when the frame is lost: nothing can be decoded until a key frame comes.
        var slot: FrameSlot?
        /// Frames since the last key frame of a tile profile.
        var age = 0
        var lastUse: UInt64 = 0
    }

    private var places: [Place] = []
    private var uses: UInt64 = 0

    init() {
        places.reserveCapacity(Self.maximumPairs)
    }

    deinit {
        forgetAll()
    }

    private func index(_ info: FrameInfo) -> Int? {
        for index in places.indices
        where places[index].streamID == info.streamID && places[index].viewID == info.viewID { return index }
        return nil
    }

    /// Decides how a frame is coded that is sent next, and keeps it, or the copy that is made of it.
    ///
    /// - Parameters:
    ///   - keyInterval: a key frame comes after so many frames at the latest; 0 is never.
    ///   - copies: where room for a copy comes from.
    ///   - isTrial: whether the profile is another for this frame only.
    /// - Returns: what the taker owns.
    func plan(
        _ slot: FrameSlot, profile: Profile, keyInterval: Int, copies: FramePool, isTrial: Bool
    ) -> FrameCoding {
        var coding = FrameCoding(profile: profile)
        let info = slot.info
        if let reference = reference(for: info, profile: profile, keyInterval: keyInterval) {
            reference.retain()
            coding.reference = reference
        }
        if needsCopy(of: slot, profile: profile, isTrial: isTrial) { coding.copy = copies.packedSlot(info) }
        note(info, slot.hasOwnMemory ? slot : coding.copy, profile: profile, isKey: coding.reference == nil)
        return coding
    }

    /// What a frame that is sent next is coded against, borrowed; nil makes a key frame.
    ///
    /// - Parameter keyInterval: a key frame comes after so many frames at the latest; 0 is never.
    func reference(for info: FrameInfo, profile: Profile, keyInterval: Int) -> FrameSlot? {
        guard profile.usesTiles, !info.flags.contains(.key) else { return nil }
        if keyInterval > 0, age(for: info) + 1 >= keyInterval { return nil }
        return newest(for: info)
    }

    /// Whether a copy of the frame is to be made as it is encoded, because its own pixels do not stay.
    ///
    /// - Parameter isTrial: whether the profile is another for this frame only. Frames that are sent as they are for a
    ///   long time are not worth a copy each.
    func needsCopy(of slot: FrameSlot, profile: Profile, isTrial: Bool) -> Bool {
        !slot.hasOwnMemory && (profile.usesTiles || isTrial && index(slot.info) != nil)
    }

    /// Whether the frames of the stream and view are kept at all, once one in `profile` is sent.
    func keeps(_ info: FrameInfo, profile: Profile) -> Bool {
        profile.usesTiles || index(info) != nil
    }

    /// A frame is sent.
    ///
    /// - Parameter kept: its pixels, which stay; nil if they do not.
    func note(_ info: FrameInfo, _ kept: FrameSlot?, profile: Profile, isKey: Bool) {
        guard keeps(info, profile: profile) else { return }
        guard let kept else { return lose(info) }
        keep(kept, profile: profile, isKey: isKey)
    }

    /// The newest frame of the stream and view of `info`, borrowed, if it has the same size and format.
    func newest(for info: FrameInfo) -> FrameSlot? {
        guard let index = index(info), let slot = places[index].slot, slot.info.width == info.width,
            slot.info.height == info.height, slot.info.format == info.format
        else { return nil }
        return slot
    }

    /// How many frames in the tile profiles have followed the last key frame.
    private func age(for info: FrameInfo) -> Int {
        index(info).map { places[$0].age } ?? 0
    }

    /// Makes `slot` the newest frame of its stream and view, and becomes one of its owners.
    ///
    /// - Parameter profile: of the frame; only with one of tiles is a new place made.
    func keep(_ slot: FrameSlot, profile: Profile, isKey: Bool) {
        let isTile = profile.usesTiles
        guard let index = isTile ? place(for: slot.info) : index(slot.info) else { return }
        slot.retain()
        places[index].slot?.drop()
        places[index].slot = slot
        if isTile { places[index].age = isKey ? 0 : places[index].age + 1 }
        uses += 1
        places[index].lastUse = uses
    }

    /// The newest frame of the stream and view of `info` is of no more use; the place stays.
    func lose(_ info: FrameInfo) {
        let index = place(for: info)
        places[index].slot?.drop()
        places[index].slot = nil
    }

    /// The next frame of a stream and view must be a key frame.
    func forget(streamID: UInt32, viewID: UInt32) {
        for index in places.indices where places[index].streamID == streamID && places[index].viewID == viewID
        {
            places[index].slot?.drop()
            places[index].slot = nil
        }
    }

    func forgetAll() {
        for place in places { place.slot?.drop() }
        places.removeAll(keepingCapacity: true)
    }

    /// The place of the stream and view of `info`, made at the cost of the one that was used least recently.
    private func place(for info: FrameInfo) -> Int {
        if let index = index(info) { return index }
        if places.count == Self.maximumPairs {
            var oldest = 0
            for index in places.indices where places[index].lastUse < places[oldest].lastUse {
                oldest = index
            }
            places[oldest].slot?.drop()
            places.remove(at: oldest)
        }
        uses += 1
        places.append(Place(streamID: info.streamID, viewID: info.viewID, lastUse: uses))
        return places.count - 1
    }
}
