import ArgumentParser
import Framewire

/// What every subcommand that connects or listens takes for `tls:` URLs.
struct TLSArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("For tls:// URLs: this side's certificate, in PEM format.", valueName: "FILE.pem"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("Its key; by default in the certificate's file.", valueName: "FILE.key"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Certificates of authorities to trust in place of the system's.", valueName: "FILE.pem"))
    var tlsCa: String?

    @Option(
        help: ArgumentHelp(
            "Trust the other side by its certificate's fingerprint alone; may be given several times.",
            valueName: "sha256:HEX"))
    var tlsPin: [String] = []

    @Flag(help: "When listening: refuse who shows no certificate of --tls-ca or --tls-pin.")
    var tlsRequireClientCert = false

    var options: TLSOptions {
        var options = TLSOptions()
        options.certificateFile = tlsCert
        options.keyFile = tlsKey
        options.authorityFile = tlsCa
        options.pins = tlsPin
        options.requiresClientCertificate = tlsRequireClientCert
        return options
    }
}
