// test/seeds.md as data: each statement that the five seeds print, where it stands, and what is said of it.
import { readFileSync } from "node:fs"
import { join } from "node:path"

/** `psql` is for psql alone, `sh` a line of a shell, `python` one of a script; commands of pgtrail in a replacement stand after `$ `. */
export interface Block {
  readonly kind: "sql" | "sh" | "psql" | "python"
  readonly text: string
}

export interface Statement extends Block {
  readonly seed: string
  /** None of what people run all the same, of which there may be no more than a name. */
  readonly line: number | undefined
  readonly verdict: "same" | "replaced" | "invalid"
  /** SQLSTATE of what is invalid. */
  readonly code: string | undefined
  /** Columns that the database fills by itself; `rows` where all are. */
  readonly apart: readonly string[]
  readonly instead: readonly Block[]
}

export interface SeedDocument {
  readonly seed: string
  readonly profile: string
  /** What makes the seed's own table where no statement of it does. */
  readonly setup: string
  readonly statements: readonly Statement[]
}

const verdicts = {
  "Same result": "same",
  "Same result by this replacement": "replaced",
  "Invalid in PostgreSQL itself": "invalid",
} as const

/** Throws where a part has not the form that the head of the document tells. */
export function seedDocuments(): SeedDocument[] {
  const whole = readFileSync(join(import.meta.dirname, "seeds.md"), "utf8")
  return whole
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [, profile = "", seed = ""] = /^([\w-]+): seed (\d{3})\n/.exec(part) ?? []
      if (seed === "") throw new Error(`test/seeds.md: a seed without its number: ${part.slice(0, 40)}`)
      return {
        seed,
        profile,
        setup: [...part.matchAll(/^```sql setup\n([\s\S]*?)^```$/gm)].map(([, text]) => text).join("\n"),
        statements: part
          .split(/^### (?=Line |No line$)/m)
          .slice(1)
          .map((entry) => statement(seed, entry)),
      }
    })
}

function statement(seed: string, entry: string): Statement {
  const number = /^Line (\d+)\n/.exec(entry)?.[1]
  const line = number === undefined ? undefined : Number(number)
  const wrong = (what: string) => new Error(`test/seeds.md, seed ${seed}, line ${line}: ${what}`)
  const [, said = "", more = ""] =
    /^\*\*(Same result|Same result by this replacement|Invalid in PostgreSQL itself)\*\*(.*)$/m.exec(entry) ??
    []
  if (said === "") throw wrong("no verdict")
  const verdict = verdicts[said as keyof typeof verdicts]
  const blocks = [...entry.matchAll(/^```(sql|sh|psql|python)\n([\s\S]*?)\n```$/gm)].map(
    ([, kind, text = ""]) => ({
      kind: kind as Block["kind"],
      text,
    }),
  )
  const [first, ...instead] = blocks
  if (first === undefined) throw wrong("no statement")
  const code = /^: (\w{5})/.exec(more)?.[1]
  if ((verdict === "invalid") !== (code !== undefined)) throw wrong("an SQLSTATE, of what is invalid alone")
  if (verdict === "replaced" && instead.length === 0) throw wrong("no replacement")
  const apart = /^, apart from ([^.]+)\./.exec(more)?.[1]?.split(", ") ?? []
  return { ...first, seed, line, verdict, code, apart, instead }
}

/** The commands of a replacement, without `$ pgtrail`. */
export function commandsIn({ kind, text }: Block): string[] {
  if (kind !== "sh") return []
  return [...text.matchAll(/^\$ pgtrail (.*)$/gm)].map(([, line = ""]) => line)
}

/** What stands below a statement as `profile install` prints it: lines of a shell and of psql by themselves, a statement of SQL as one. */
export const printed = ({ instead }: Statement): string =>
  instead.map(({ kind, text }) => (kind === "sql" ? oneLine(text) : text.replace(/^\$ /gm, ""))).join("\n")

export const oneLine = (text: string): string =>
  text
    .replace(/\\\n/g, " ")
    .replace(/\s*-- .*$/gm, "")
    .replace(/\s+/g, " ")
    .replace(/\( /g, "(")
    .replace(/ \)/g, ")")
    .replace(/;$/, "")
    .trim()
