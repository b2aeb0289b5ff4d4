import CPosix

exit(FramewireCommand.runToExitCode())
