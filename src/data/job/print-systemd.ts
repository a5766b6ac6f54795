// The jobs as units of systemd: one service for all of them, and a timer for each.
import { fieldsOf } from "./fields.js"
import { leftOut, type PrintOptions } from "./print-cron.js"

export interface Unit {
  readonly name: string
  readonly text: string
}

export function systemdUnits(options: PrintOptions): Unit[] {
  return [
    { name: "pgtrail-job@.service", text: service(options) },
    ...options.jobs.map((job) => ({
      name: `pgtrail-job@${job.name}.timer`,
      text: [
        "[Unit]",
        `Description=The job ${job.name} of the audit log: ${job.summary}`,
        "",
        "[Timer]",
        ...calendar(job.schedule.text).map((time) => `OnCalendar=${time}`),
        ...(options.jitter === undefined ? [] : [`RandomizedDelaySec=${span(options.jitter)}`]),
        "Persistent=yes",
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
      ].join("\n"),
    })),
  ]
}

/** As `systemctl cat` shows them: each below the name of its file. */
export function printSystemd(options: PrintOptions): string {
  const names = options.jobs.map(({ name }) => `pgtrail-job@${name}.timer`)
  return [
    "# Each part into the file that is named above it; then:",
    `#   systemctl daemon-reload && systemctl enable --now ${names.join(" ")}`,
    ...leftOut(options),
    ...systemdUnits(options).map(({ name, text }) => `# /etc/systemd/system/${name}\n${text}`),
  ].join("\n")
}

function service(options: PrintOptions): string {
  const { program, config, user, folders = [], keys = [] } = options
  // Its own is there without being named.
  const written = folders.filter((folder) => !isWithin(folder, [ownFolder]))
  const needed = [...program, ...(config === undefined ? [] : [config]), ...folders]
  const words = [...program, "job", "run", "%i", "--quiet"]
  return [
    "[Unit]",
    "Description=The job %i of the audit log",
    "Documentation=man:pgtrail(1)",
    "Wants=network-online.target",
    "After=network-online.target",
    "",
    "[Service]",
    "Type=oneshot",
    "# PGTRAIL_URL and what else pgtrail --help lists under Environment, where the configuration does not have it; mode 0600.",
    "EnvironmentFile=-/etc/pgtrail/operator.env",
    ...(config === undefined ? [] : [`Environment=${quoted(`PGTRAIL_CONFIG=${config}`)}`]),
    ...keyLines(keys),
    `ExecStart=${words.map((word) => (word === "%i" ? word : command(word))).join(" ")}`,
    "# Another run was at work: no failure.",
    "SuccessExitStatus=5",
    "# The job's command is told by pgtrail itself.",
    "KillMode=mixed",
    "TimeoutStartSec=infinity",
    "Nice=10",
    "IOSchedulingClass=idle",
    "",
    `# Nothing but a connection and its own folder, ${ownFolder}${written.length === 0 ? "." : ", and what the configuration names."}`,
    ...(user === undefined ? ["DynamicUser=yes"] : [`User=${user}`]),
    ...(user === undefined && written.length > 0
      ? [
          "# Such a user owns no other folder: a group that may write into them, by SupplementaryGroups=, or pgtrail job print systemd --user NAME.",
        ]
      : []),
    // One that is not there, or not mounted, is the trouble of its job alone.
    ...written.map((folder) => `ReadWritePaths=${quoted(`-${folder}`)}`),
    "StateDirectory=pgtrail",
    "StateDirectoryMode=0700",
    "UMask=0077",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    // Nothing below what systemd hides can be opened, whatever another setting says.
    needed.some((path) => isWithin(path, homes)) ? "ProtectHome=no" : "ProtectHome=yes",
    needed.some((path) => isWithin(path, temporary)) ? "PrivateTmp=no" : "PrivateTmp=yes",
    "PrivateDevices=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "",
  ].join("\n")
}

const ownFolder = "/var/lib/pgtrail"
const homes = ["/home", "/root", "/run/user"]
const temporary = ["/tmp", "/var/tmp"]

const isWithin = (path: string, folders: readonly string[]): boolean =>
  folders.some((folder) => path === folder || path.startsWith(`${folder}/`))

/** A key is root's alone, and no user of a unit can open it; systemd can. */
function keyLines(keys: NonNullable<PrintOptions["keys"]>): string[] {
  if (keys.length === 0) return []
  return [
    "# Private keys of which the file is root's alone (mode 0600): systemd hands them over where these comment signs are taken away.",
    ...[...new Set(keys.map(({ path }) => path))].flatMap((path, at) => [
      `#LoadCredential=key${at + 1}:${path.replaceAll("%", "%%")}`,
      ...keys
        .filter((key) => key.path === path)
        .map(({ variable }) => `#Environment=${variable}=file:%d/key${at + 1}`),
    ]),
  ]
}

/** systemd takes the percent sign for a specifier, and in a command the dollar sign for a variable. */
const command = (word: string): string => quoted(word.replaceAll("$", "$$$$"))

function quoted(word: string): string {
  const escaped = word.replaceAll("%", "%%")
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, "\\$&")}"`
}

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

/** In UTC. Where a schedule names days of the month and of the week, cron means either: systemd is told both. */
export function calendar(schedule: string): string[] {
  const { minute, hour, day, month, weekday } = fieldsOf(schedule)
  const list = (numbers: readonly number[] | undefined): string =>
    numbers === undefined ? "*" : numbers.map((number) => String(number).padStart(2, "0")).join(",")
  const clock = `${list(hour)}:${list(minute)}:00 UTC`
  const byDay = `*-${list(month)}-${list(day)} ${clock}`
  if (weekday === undefined) return [byDay]
  const byWeekday = `${weekday.map((number) => weekdays[number]).join(",")} *-${list(month)}-* ${clock}`
  return day === undefined ? [byWeekday] : [byDay, byWeekday]
}

/** `m` is minutes here and there; `h` and `d` too, as `ms` and `s`. */
const span = (duration: string): string => duration.replace(/m$/, "min")
