// What systemd knows of units, and the words of a line that it starts.

/** systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.timer(5), as far as the units go. */
export const knownToSystemd: Readonly<Record<string, readonly string[]>> = {
  Unit: ["Description", "Documentation", "Wants", "After"],
  Install: ["WantedBy"],
  Timer: ["OnCalendar", "RandomizedDelaySec", "Persistent"],
  Service: [
    ..."Type EnvironmentFile LoadCredential ExecStart TimeoutStartSec Nice IOSchedulingClass DynamicUser StateDirectory Environment SuccessExitStatus KillMode".split(
      " ",
    ),
    ..."StateDirectoryMode UMask NoNewPrivileges CapabilityBoundingSet ProtectSystem ProtectHome PrivateTmp PrivateDevices".split(
      " ",
    ),
    ..."ProtectClock ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectControlGroups".split(
      " ",
    ),
    ..."ProtectProc RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality User ReadWritePaths".split(
      " ",
    ),
    ..."RemoveIPC SystemCallArchitectures SystemCallFilter".split(" "),
  ],
}
/** Words as systemd and the shell would make them, with something in the place of every variable. */
export function typed(line: string): string[] {
  const [, shell = line] = /^\/bin\/sh -c 'exec (.*)'$/.exec(line) ?? []
  return shell
    .replace(/\$\$\(.*?\)/g, "now")
    .replace(/\$\$?\{?[A-Z_]+\}?|%d/g, "/somewhere")
    .replaceAll('"', "")
    .split(" ")
}
