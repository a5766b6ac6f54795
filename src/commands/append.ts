// pgtrail append: one event from flags, or events as JSON from standard input.
import { arg, choice, command, list, type Session, text } from "../cli/command.js"
import { eventOfText } from "../data/append/typed.js"
import { TrailError } from "../data/errors.js"
import { outcomes, severities } from "../data/query/choices.js"

export default command({
  summary: "append one event, or many from standard input",
  description:
    "An event needs a type; everything else has a default or may be missing. Each column of pgtrail.event that an application may set " +
    "has a flag or is given with --set.\n\n" +
    "With - (or without --type, when standard input is no terminal) events are read as JSON: one object, an array, or one object a " +
    "line, with the names of the columns as keys. All are appended, or none. Large files are a matter for pgtrail import file.",
  args: { input: arg("- to read JSON from standard input", "optional") },
  options: {
    type: text("--type <type>", "what happened, dotted: auth.login.failed"),
    org: text("--org <name>", "organization (default: default)"),
    at: text("--at <time>", "when it happened (default: now)"),
    actor: text("--actor <id>", "who did it"),
    actorName: text("--actor-name <name>", "name of the actor"),
    actorEmail: text("--actor-email <address>", "e-mail address of the actor"),
    actorType: text("--actor-type <type>", "kind of actor: user, service, system"),
    resource: text("--resource <type[/id]>", "what it was done to"),
    action: text("--action <verb>", "create, read, update, delete, export ..."),
    category: text("--category <name>", "group of event types: auth, data, config, admin"),
    outcome: choice("--outcome <outcome>", "how it ended (default: success)", outcomes),
    severity: choice("--severity <severity>", "how grave it is (default: info)", severities),
    description: text("--description <text>", "what happened and why, for people"),
    ip: text("--ip <address>", "address that the request came from"),
    requestId: text("--request-id <id>", "id of the request"),
    correlationId: text("--correlation-id <id>", "id that ties events of several systems together"),
    sessionId: text("--session-id <id>", "session of the actor"),
    details: text("--details <json>", "anything else, as JSON; kept to the digit"),
    set: list(
      "--set <column=value>",
      "any other column; JSON for before_state, after_state, request_params, tags",
    ),
  },
  examples: [
    {
      run: "pgtrail append --type auth.login.failed --org acme --actor alice --outcome denied --ip 203.0.113.7",
      shows: "one event",
    },
    {
      run: "pgtrail append --type document.read --resource document/4711 --set data_classification=PHI",
      shows: "one with a column that has no flag",
    },
    { run: "pgtrail append - --json < events.json", shows: "all of a JSON file, or none" },
  ],
  async run({ args, options, session }) {
    const { type, set, at, org, actor, resource, ip, details, ...rest } = options
    const [resourceType, resourceId] = split(resource, "/")
    const fields = Object.entries({
      event_type: type,
      organization_id: org,
      occurred_at: at,
      actor_id: actor,
      resource_type: resourceType,
      resource_id: resourceId,
      ip_address: ip,
      details,
      ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [column(name), value])),
    }).flatMap(([field, value]): [string, string][] => (value === undefined ? [] : [[field, value]]))
    for (const typed of set) {
      const [field = "", value] = split(typed, "=")
      if (value === undefined)
        throw new TrailError("usage", `--set takes COLUMN=VALUE, not ${JSON.stringify(typed)}`)
      fields.push([field, value])
    }
    const json = isFromInput(args.input, fields, session) ? await readInput(session) : eventOfText(fields)
    const trail = await session.trail()
    const rows = await trail.appendJson(json, { signal: session.signal })
    if (rows.length === 0) {
      throw new TrailError("usage", "standard input has no event", {
        hint: "pgtrail append --type TYPE appends one",
      })
    }
    return {
      schema: "pgtrail.appended/1",
      columns: [
        { name: "id" },
        { name: "organization_id", title: "organization" },
        { name: "lane", kind: "number" },
        { name: "seq", kind: "number" },
        { name: "recorded_at" },
        { name: "hash" },
      ],
      rows,
      note: `appended ${rows.length} ${rows.length === 1 ? "event" : "events"}`,
    }
  },
})

/** actorName is the column actor_name. */
function column(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function split(typed: string | undefined, sign: string): [string | undefined, string | undefined] {
  const at = typed?.indexOf(sign) ?? -1
  return at < 0 ? [typed, undefined] : [typed?.slice(0, at), typed?.slice(at + 1)]
}

function isFromInput(input: string | undefined, fields: readonly unknown[], session: Session): boolean {
  const wrong = (message: string) => new TrailError("usage", message, { hint: "pgtrail append --help" })
  if (input !== undefined && input !== "-") {
    throw new TrailError("usage", `append takes flags or -, not ${JSON.stringify(input)}`, {
      hint: "pgtrail import file FILE imports a file",
    })
  }
  if (input === "-" && fields.length > 0)
    throw wrong("an event is given by flags or on standard input, not both")
  if (input === undefined && fields.length === 0 && session.io.stdinIsTTY) throw wrong("--type is missing")
  return fields.length === 0
}

async function readInput({ io, signal }: Session): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of io.stdin) {
    signal.throwIfAborted()
    chunks.push(Buffer.from(chunk))
  }
  return Buffer.concat(chunks)
}
