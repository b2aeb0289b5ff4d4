import Framewire

/// What a subcommand has to say at its end: the same numbers as a table for people and as JSON for machines.
struct Report {
    private enum Value {
        case integer(Int64)
        case number(Double, places: Int)
        case text(String)
        case boolean(Bool)
        case nothing
        case objects([Report])
    }

    private var fields: [(key: String, value: Value)] = []
    private var rows = Table([.left, .left])
    private var tables: [Table] = []

    mutating func add(_ key: String, _ value: some BinaryInteger) {
        fields.append((key, .integer(Int64(clamping: value))))
    }

    /// Nil is `null`.
    mutating func add(_ key: String, _ value: Int?) {
        fields.append((key, value.map { .integer(Int64($0)) } ?? .nothing))
    }

    /// Nil is `null`.
    mutating func add(_ key: String, _ value: Double?, places: Int) {
        fields.append((key, value.map { .number($0, places: places) } ?? .nothing))
    }

    mutating func add(_ key: String, _ value: Bool) {
        fields.append((key, .boolean(value)))
    }

    mutating func add(_ key: String, _ value: String?) {
        fields.append((key, value.map(Value.text) ?? .nothing))
    }

    /// A list of objects, on one line.
    mutating func add(_ key: String, _ objects: [Report]) {
        fields.append((key, .objects(objects)))
    }

    /// A table that follows the rows.
    mutating func addTable(_ table: Table) {
        tables.append(table)
    }

    /// A time in nanoseconds, as milliseconds; nil is `null`.
    mutating func add(milliseconds key: String, _ nanoseconds: Int64?) {
        guard let nanoseconds else { return fields.append((key, .nothing)) }
        add(key, Double(nanoseconds) / 1e6, places: 3)
    }

    /// What the pictures were; nil when there was none.
    mutating func add(picture: FrameInfo?) {
        add("width", picture?.width ?? 0)
        add("height", picture?.height ?? 0)
        add("format", picture?.format.name.description)
    }

    mutating func addRow(_ name: String, _ text: String) {
        rows.addRow([name, text])
    }

    /// An object, one key on each line.
    var json: String {
        "{\n" + members.map { "  " + $0 }.joined(separator: ",\n") + "\n}\n"
    }

    /// A flat object on a line of its own.
    var jsonLine: String {
        "{" + members.joined(separator: ", ") + "}\n"
    }

    private var members: [String] {
        fields.map { field in
            let value =
                switch field.value {
                case .integer(let value): String(value)
                case .number(let value, let places): decimal(value, places)
                case .text(let value): quoted(value)
                case .boolean(let value): value ? "true" : "false"
                case .nothing: "null"
                case .objects(let list):
                    "[" + list.map { "{" + $0.members.joined(separator: ", ") + "}" }.joined(separator: ", ")
                        + "]"
                }
            return "\(quoted(field.key)): \(value)"
        }
    }

    var table: String { rows.text + tables.map { "\n" + $0.text }.joined() }
}

/// Rows of cells in columns that line up.
struct Table {
    enum Alignment {
        case left, right
    }

    private let columns: [Alignment]
    private var rows: [[String]] = []

    init(_ columns: [Alignment]) {
        self.columns = columns
    }

    /// Adds a row of one cell for each column.
    mutating func addRow(_ cells: [String]) {
        rows.append(cells)
    }

    /// The rows, a line each, with two spaces between columns and none behind the last cell.
    var text: String {
        let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = columns.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return columns[column] == .left ? row[column] + padding : padding + row[column]
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
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
