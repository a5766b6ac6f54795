// Makes believable events for the demo: three organizations, ninety days, the same for the same seed.

/** mulberry32: a small seeded generator of numbers in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

interface Person {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: string
  readonly address: string
}

const names = [
  "Ada Byron", "Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov", "Tony Hoare", "Radia Perlman", "Leslie Lamport",
  "Frances Allen", "Ken Thompson", "Jean Bartik", "Niklaus Wirth",
] // biome-ignore format: one list
const resources = { "acme-bank": "account", "globex-health": "patient", "initech-cloud": "server" } as const
const agents = [
  "Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0",
  "Mozilla/5.0 (Macintosh) Safari/605.1.15",
  "curl/8.10.1",
]

/** NDJSON lines, in the order of time; `until` is the end of the ninety days. */
export function* demoEvents(count: number, until: Date, seed = 2026): Generator<string> {
  const random = seeded(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const organizations = Object.keys(resources) as (keyof typeof resources)[]
  const people = new Map(
    organizations.map((organization, at) => [
      organization,
      names.slice(at * 4, at * 4 + 4).map((name, index): Person => {
        const id = name.toLowerCase().replace(" ", ".")
        const role = index === 0 ? "admin" : "staff"
        return {
          id,
          name,
          email: `${id}@${organization}.example`,
          role,
          address: `10.${at + 1}.0.${index + 10}`,
        }
      }),
    ]),
  )
  const span = 90 * 24 * 3600 * 1000
  const times = Array.from({ length: count }, () => until.getTime() - Math.floor(random() * span)).sort(
    (a, b) => a - b,
  )
  for (const time of times) {
    const organization = random() < 0.5 ? "acme-bank" : pick(organizations)
    const person = pick(people.get(organization) ?? [])
    yield JSON.stringify({
      organization_id: organization,
      occurred_at: new Date(time).toISOString(),
      actor_id: person.id,
      actor_name: person.name,
      actor_email: person.email,
      actor_type: "user",
      actor_role: person.role,
      ip_address: random() < 0.03 ? `203.0.113.${Math.floor(random() * 250)}` : person.address,
      user_agent: pick(agents),
      session_id: `s-${Math.floor(random() * 1e6).toString(36)}`,
      ...what(resources[organization], random),
    })
  }
}

function what(resource: string, random: () => number): object {
  const roll = random()
  const id = `${resource}-${1000 + Math.floor(random() * 400)}`
  if (roll < 0.2) return { event_type: "auth.login", category: "auth", action: "login", outcome: "success" }
  if (roll < 0.24) {
    return {
      event_type: "auth.login",
      category: "auth",
      action: "login",
      outcome: "failure",
      severity: "warning",
      error_message: "wrong password",
    }
  }
  if (roll < 0.27) {
    return {
      event_type: `${resource}.read`, category: "data", action: "read", outcome: "denied", severity: "warning", resource_type: resource,
      resource_id: id, status_code: 403, error_message: "role staff may not read it",
    } // biome-ignore format: one event
  }
  if (roll < 0.72) {
    const size = 200 + Math.floor(random() * 9000)
    return {
      event_type: `${resource}.read`,
      category: "data",
      action: "read",
      resource_type: resource,
      resource_id: id,
      data_size_bytes: size,
      status_code: 200,
    }
  }
  if (roll < 0.95) {
    const limit = Math.floor(random() * 50) * 100
    return {
      event_type: `${resource}.update`, category: "data", action: "update", resource_type: resource, resource_id: id, status_code: 200,
      before_state: { limit }, after_state: { limit: limit + 500 }, data_classification: "CONFIDENTIAL",
    } // biome-ignore format: one event
  }
  if (roll < 0.99)
    return {
      event_type: `${resource}.export`,
      category: "data",
      action: "export",
      resource_type: resource,
      severity: "warning",
      data_size_bytes: 1_000_000 + Math.floor(random() * 9e6),
    }
  return {
    event_type: "config.role.grant",
    category: "config",
    action: "update",
    severity: "critical",
    resource_type: "role",
    resource_id: "admin",
  }
}
