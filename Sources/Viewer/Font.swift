/// A small typeface: five by seven pixels, and two more below the line.
enum Font {
    static let width = 5
    static let height = 9
    /// From one character to the next.
    static let advance = 6

    /// The rows of a character from the top, five bits each with the leftmost pixel in the highest bit, below one another: the last
    /// row is in bits 0 to 4. What the typeface does not have is an empty box.
    static func glyph(_ character: Unicode.Scalar) -> UInt64 {
        switch character.value {
        case 0x20...0x7E: glyphs[Int(character.value - 0x20)]
        case 0xD7: glyphs[95]  // ×
        case 0x2026: glyphs[96]  // …
        case 0x2013: glyphs[97]  // –
        case 0xB7: glyphs[98]  // ·
        default: glyphs[99]
        }
    }

    private static let glyphs: [UInt64] = [
        0x0000_0000_0000, 0x0421_0840_1000, 0x0A52_8000_0000, 0x0A57_D5F5_2800, 0x047D_1C5F_1000,
        0x19C8_8889_CC00, 0x0C95_1159_3400, 0x0422_0000_0000, 0x0222_1082_0800, 0x0820_8422_2000,
        0x0025_5D52_0000, 0x0021_3E42_0000, 0x0000_00C6_1100, 0x0000_3E00_0000, 0x0000_0006_3000,
        0x0108_8888_4000, 0x0E8C_EB98_B800, 0x0461_0842_3800, 0x0E88_4444_7C00, 0x1F11_0418_B800,
        0x0232_A5F1_0800, 0x1F87_8218_B800, 0x0644_3D18_B800, 0x1F08_8884_2000, 0x0E8C_5D18_B800,
        0x0E8C_5E11_3000, 0x0063_00C6_0000, 0x0063_00C6_1100, 0x0222_2082_0800, 0x0007_C1F0_0000,
        0x0820_8222_2000, 0x0E88_4440_1000, 0x0E8D_EB78_3C00, 0x0E8C_63F8_C400, 0x1E8C_7D18_F800,
        0x0E8C_2108_B800, 0x1E8C_6318_F800, 0x1F84_3D08_7C00, 0x1F84_3D08_4000, 0x0E8C_2F18_BC00,
        0x118C_7F18_C400, 0x0E21_0842_3800, 0x0710_8429_3000, 0x1195_3149_4400, 0x1084_2108_7C00,
        0x11DD_6B18_C400, 0x11CD_6B38_C400, 0x0E8C_6318_B800, 0x1E8C_7D08_4000, 0x0E8C_6359_3400,
        0x1E8C_7D49_4400, 0x0F84_1C10_F800, 0x1F21_0842_1000, 0x118C_6318_B800, 0x118C_62A5_1000,
        0x118C_6B5D_C400, 0x1152_88A5_4400, 0x118A_8842_1000, 0x1F08_8888_7C00, 0x0E42_1084_3800,
        0x1082_0820_8400, 0x0E10_8421_3800, 0x0454_4000_0000, 0x0000_0000_03E0, 0x0820_8000_0000,
        0x0003_82F8_BC00, 0x1087_A318_F800, 0x0003_E108_3C00, 0x010B_E318_BC00, 0x0003_A3F8_3C00,
        0x0647_9084_2000, 0x0003_E318_BC2E, 0x1087_A318_C400, 0x0403_0842_3800, 0x0201_8421_084C,
        0x1084_A98A_4800, 0x0C21_0842_3800, 0x0006_AB5A_D400, 0x0007_A318_C400, 0x0003_A318_B800,
        0x0007_A318_FA10, 0x0003_E318_BC21, 0x0005_B308_4000, 0x0003_E0E0_F800, 0x0847_9084_1800,
        0x0004_6318_BC00, 0x0004_6315_1000, 0x0004_6B5A_A800, 0x0004_5445_4400, 0x0004_6318_BC2E,
        0x0007_C444_7C00, 0x0321_1042_0C00, 0x0421_0842_1000, 0x1821_0442_6000, 0x0002_6B20_0000,
        0x008A_88A8_8000, 0x0000_0000_5400, 0x0000_1E00_0000, 0x0000_0800_0000, 0x1F8C_6318_FC00,
    ]
}
