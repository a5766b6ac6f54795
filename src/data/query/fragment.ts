// SQL with its parameters in their places, before anybody numbers them: for the query builder, or for a statement written by hand.

export type Parameter = string | readonly string[]

/** What is interpolated into `sql` is a parameter; text becomes SQL only by `raw`. */
export class Fragment {
  readonly parts: readonly (string | { readonly value: Parameter })[]
  constructor(parts: Fragment["parts"]) {
    this.parts = parts
  }
}

export const raw = (text: string): Fragment => new Fragment([text])

export function sql(strings: TemplateStringsArray, ...values: (Fragment | Parameter)[]): Fragment {
  return new Fragment(
    strings.flatMap((text, at) => {
      const value = values[at]
      if (value === undefined) return [text]
      return value instanceof Fragment ? [text, ...value.parts] : [text, { value }]
    }),
  )
}

/** `none`: what no fragment at all means. */
export function joined(all: readonly Fragment[], word: "and" | "or", none: "true" | "false"): Fragment {
  const [first, ...rest] = all
  if (first === undefined) return raw(none)
  if (rest.length === 0) return first
  return new Fragment(all.flatMap((one, at) => [at === 0 ? "(" : ` ${word} (`, ...one.parts, ")"]))
}

/** Text and parameters apart, the first parameter being `$first`. */
export function numbered({ parts }: Fragment, first: number): { text: string; params: Parameter[] } {
  const params: Parameter[] = []
  const text = parts.map((part) => {
    if (typeof part === "string") return part
    params.push(part.value)
    return `$${first + params.length - 1}`
  })
  return { text: text.join(""), params }
}
