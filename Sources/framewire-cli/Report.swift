/// What a subcommand has to say at its end: the same numbers as a table for people and as JSON for machines.
struct Report {
    private enum Value {
        case integer(Int64)
        case number(Double, places: Int)
        case text(String)
        case nothing
    }

    private var fields: [(key: String, value: Value)] = []
    private var rows: [(name: String, text: String)] = []

    mutating func add(_ key: String, _ value: some BinaryInteger) {
        fields.append((key, .integer(Int64(clamping: value))))
    }

    mutating func add(_ key: String, _ value: Double, places: Int) {
        fields.append((key, .number(value, places: places)))
    }

    mutating func add(_ key: String, _ value: String?) {
        fields.append((key, value.map(Value.text) ?? .nothing))
    }

    /// A time in nanoseconds, as milliseconds; nil is `null`.
    mutating func add(milliseconds key: String, _ nanoseconds: Int64?) {
        guard let nanoseconds else { return fields.append((key, .nothing)) }
        add(key, Double(nanoseconds) / 1e6, places: 3)
    }

    mutating func addRow(_ name: String, _ text: String) {
        rows.append((name, text))
    }

    /// A flat object, one key on each line.
    var json: String {
        let lines = fields.map { field in
            let value =
                switch field.value {
                case .integer(let value): String(value)
                case .number(let value, let places): decimal(value, places)
                case .text(let value): quoted(value)
                case .nothing: "null"
                }
            return "  \(quoted(field.key)): \(value)"
        }
        return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
    }

    var table: String {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { row in
            row.name + String(repeating: " ", count: width + 2 - row.name.count) + row.text + "\n"
        }.joined()
    }
}

/// `text` as a JSON string.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case let control where control.value < 0x20:
            let digits = String(control.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

/// A time in nanoseconds as `3.2 ms`, or a dash.
func milliseconds(_ nanoseconds: Int64?) -> String {
    nanoseconds.map { decimal(Double($0) / 1e6, 1) + " ms" } ?? "–"
}

/// A number of bytes as megabytes of a million.
func megabytes(_ bytes: UInt64) -> String {
    decimal(Double(bytes) / 1e6, 1) + " MB"
}
