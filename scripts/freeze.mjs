// Freezes the present code of the schema as that of the newest migration, before the next one is made: node scripts/freeze.mjs
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const read = (name) => readFileSync(join("sql", name), "utf8").replaceAll("\r\n", "\n")
const sqlOf = (name) =>
  readdirSync(join("sql", name))
    .filter((file) => file.endsWith(".sql"))
    .sort()
const folder = (name) =>
  sqlOf(name)
    .map((file) => read(join(name, file)))
    .join("\n")

const number = sqlOf("migrations").at(-1)?.slice(0, 4)
const target = join("sql/versions", String(number))
if (existsSync(target)) {
  process.stderr.write(`${target} is there already: a frozen version is never written again\n`)
  process.exit(2)
}
// As src/data/sql-files.ts puts them together: the checksum of both must be the one that installations of this version record.
const code = [folder("functions"), folder("aggregates"), read("triggers.sql"), folder("views")].join("\n")
mkdirSync(target)
writeFileSync(join(target, "code.sql"), code)
writeFileSync(join(target, "grants.sql"), read("grants.sql"))
writeFileSync(join(target, "catalog.sql"), read("catalog.sql"))
process.stdout.write(
  `${target}: now pgtrail install --print-sql > test/schema/${number}.sql, and test/sql/versions.test.ts\n`,
)
