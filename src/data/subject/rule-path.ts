// A path within a jsonb column, as it is typed and as a rule has it: details.user."e-mail"[0][*].*
import { TrailError } from "../errors.js"
import { quoted } from "../words.js"

const step = /^(?:\.(\*|[^\s.[\]"*]+)|\."((?:[^"\\]|\\.)*)"|\[(\d{1,9}|\*)\])/su
const column = /^(request_params|before_state|after_state|details)(?=[.[]|$)/

/** The column, then its steps: names of members, numbers of elements, `*` for all of either. Throws TrailError `usage`. */
export function readPath(typed: string): string[] {
  const [name] = column.exec(typed) ?? []
  if (name === undefined) {
    throw refused(typed, "does not begin with request_params, before_state, after_state or details")
  }
  const path = [name]
  for (let rest = typed.slice(name.length); rest !== ""; ) {
    const [whole, plain, escaped, element] = step.exec(rest) ?? []
    if (whole === undefined) throw refused(typed, `cannot be read from ${quoted(rest)} on`)
    path.push(plain ?? element ?? (escaped === undefined ? "" : unescaped(escaped, typed)))
    rest = rest.slice(whole.length)
  }
  return path
}

/** As `readPath` takes it. Numbers are written as elements: a member of that name is meant too. */
export function writePath([name = "", ...steps]: readonly string[]): string {
  return steps.reduce((text, one) => {
    if (one === "*") return `${text}.*`
    if (/^\d{1,9}$/.test(one)) return `${text}[${one}]`
    return /^[^\s.[\]"*]+$/u.test(one) ? `${text}.${one}` : `${text}.${JSON.stringify(one)}`
  }, name)
}

function unescaped(text: string, typed: string): string {
  try {
    return String(JSON.parse(`"${text}"`))
  } catch {
    throw refused(typed, `has a name in quotes that is not written as JSON writes it: ${quoted(text)}`)
  }
}

const refused = (typed: string, why: string): TrailError =>
  new TrailError("usage", `the path ${quoted(typed)} ${why}`, {
    hint: 'nothing was changed; write it so: details.user.email, details.items[*].owner, details."e-mail"',
  })
