// Fills what a caller of the library left out of a target: from its connection string, then with libpq's defaults.
import { type Given, isKeyword, type KeywordName } from "./keywords.js"
import { targetOf } from "./settings.js"
import type { ConnectionTarget } from "./target.js"
import { readConnectionString } from "./url.js"

/** Servers, user and database are there afterwards. No variable and no file of the user is asked. */
export function complete(target: ConnectionTarget): ConnectionTarget {
  const { connectionString, host, port, user, database, password, ...rest } = target
  const settings = new Map<KeywordName, Given>()
  const fields = { host, port: port?.toString(), user, dbname: database, password }
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== "" && isKeyword(name))
      settings.set(name, { value, where: "the target" })
  }
  if (connectionString !== undefined) {
    for (const [name, given] of readConnectionString(connectionString, "the connection string"))
      settings.set(name, given)
  }
  const { servers, ...found } = targetOf(settings)
  return { ...rest, ...found, servers: target.servers ?? servers ?? [], ssl: target.ssl ?? found.ssl ?? {} }
}
