// Names and bodies in a script, quoted: an organization, a schema or a column may be called anything.

export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Between dollar signs with a word that the body has not: an organization may be called anything. */
export function quoteBody(body: string, around: (quoted: string) => string): string {
  let tag = "$profile$"
  for (let n = 1; body.includes(tag); n++) tag = `$profile${n}$`
  return around(`${tag}\n${body}\n${tag}`)
}
