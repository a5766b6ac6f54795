// One event a commit: transactions a second of pgtrail.event against its twin without trigger.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { drive } from "./clients.js"
import { columns } from "./events.js"
import { compare, type Figure, perSecond, series, takeTurns } from "./measure.js"
import { run, version } from "./process.js"
import { type Server, settle } from "./server.js"

/** Drawn anew for each transaction. One organization has half of them, the other 49 share the rest. */
export const variables = {
  organization: "greatest(0, random(-48, 49))",
  person: "random(1, 2000)",
  thing: "random(1, 100000)",
} as const

const values = [
  "'organization-' || :organization::text",
  "now()",
  "'document.read'",
  "'document'",
  "'read'",
  "'success'",
  "'user'",
  "'user-' || :person::text",
  "'user-' || :person::text || '@example.org'",
  "'10.0.0.1'",
  "'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'",
  "'document'",
  "'doc-' || :thing::text",
  "gen_random_uuid()::text",
  `'{"region": "eu-central-1", "version": 12, "amount": 81.5, "trace": "5e1f00aa93bc"}'`,
]

type Table = "pgtrail.event" | "plain.event"

/** What the trigger would have set: as cheap to make as it can be, and as long. */
function chainValues(major: number): Readonly<Record<string, string>> {
  return {
    id: major >= 18 ? "uuidv7()" : "gen_random_uuid()",
    recorded_at: "clock_timestamp()",
    lane: ":client_id::smallint",
    seq: "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    identity_salt: "gen_random_uuid()",
    content_salt: "gen_random_uuid()",
    previous_hash: `'\\x${"5a".repeat(32)}'`,
    hash: `'\\x${"a5".repeat(32)}'`,
    hash_version: "1",
  }
}

export function insert(table: Table, major: number): string {
  const more = table === "plain.event" ? chainValues(major) : {}
  const names = [...columns, ...Object.keys(more)]
  return `insert into ${table} (${names.join(", ")}) values (${[...values, ...Object.values(more)].join(", ")})`
}

export interface CommitOptions {
  readonly rounds: number
  readonly seconds: number
}

export async function measureCommits(
  server: Server,
  options: CommitOptions,
  say: (text: string) => void,
): Promise<Figure[]> {
  const url = await server.logDatabase("commit")
  const figures: Figure[] = []
  for (const synchronous of ["on", "off"]) {
    for (const clients of [1, 8, 32]) {
      const what = `one event a commit, ${clients} client${clients === 1 ? "" : "s"}, synchronous_commit ${synchronous}`
      say(what)
      const tps = (table: Table) =>
        series(async () => {
          await settle(url)
          return load(server, url, {
            sql: insert(table, server.major),
            clients,
            seconds: options.seconds,
            synchronous,
          })
        })
      const [ours, plain] = [tps("pgtrail.event"), tps("plain.event")]
      await takeTurns(options.rounds, [ours, plain])
      figures.push(compare(what, ours, plain, perSecond, { must: 0.45, goal: 0.7, better: "higher" }))
    }
  }
  await server.drop("commit")
  return figures
}

export interface Load {
  readonly sql: string
  readonly clients: number
  readonly seconds: number
  readonly synchronous: string
}

/** Transactions a second, by pgbench with prepared statements where it is installed. */
async function load(
  server: Server,
  url: string,
  { sql, clients, seconds, synchronous }: Load,
): Promise<number> {
  if (!hasPgbench) return drive(url, { sql, clients, seconds, synchronous })
  const script = join(server.dir, "insert.sql")
  const sets = Object.entries(variables).map(([name, expression]) => `\\set ${name} ${expression}`)
  await writeFile(script, `${sets.join("\n")}\n${sql};\n`)
  const flags = ["-n", "-M", "prepared", "-f", script, "-c", String(clients), "-j", clients === 1 ? "1" : "2"]
  const { stdout } = await run("pgbench", [...flags, "-T", String(seconds), url], {
    output: true,
    env: { PGOPTIONS: `-c synchronous_commit=${synchronous}` },
  })
  const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1]
  if (tps === undefined) throw new Error(`pgbench told no tps: ${stdout}`)
  return Number(tps)
}

export const hasPgbench = version("pgbench") !== undefined
