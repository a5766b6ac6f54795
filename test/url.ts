// Rewrites a connection URL by text: URL() refuses the empty host of a Unix socket's URL.
const parts = /^(postgres(?:ql)?:\/\/)(?:([^/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(\?.*)?$/

function split(url: string): { scheme: string; user: string; host: string; database: string; query: string } {
  const [, scheme, user = "", host = "", database = "", query = ""] = parts.exec(url) ?? []
  if (scheme === undefined)
    throw new Error("the test server's URL must be postgresql://USER@HOST/DATABASE?...")
  return { scheme, user, host, database, query }
}

export function urlOfDatabase(url: string, database: string): string {
  const { scheme, user, host, query } = split(url)
  return `${scheme}${user}@${host}/${encodeURIComponent(database)}${query}`
}

export function urlOfRole(url: string, role: string, password: string): string {
  const { scheme, host, database, query } = split(url)
  return `${scheme}${encodeURIComponent(role)}:${encodeURIComponent(password)}@${host}/${database}${query}`
}
