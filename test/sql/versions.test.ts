// The code of earlier versions is frozen: logs out there were made by it, and are compared with it.
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { migrations, versionAt, versions } from "../../src/data/sql-files.js"

const root = join(import.meta.dirname, "../..")
const frozen: readonly (readonly [sha256: string, file: string])[] = [
  ["9d49f063783c733bf24d076a548b6fe13377039f461bbafefe93070d9a1888eb", "sql/migrations/0001_log.sql"],
  ["31e2ba3876b3265973a2fc87265369a8d101b2198fcacf5b1c76e084b43c7e15", "sql/migrations/0002_proof.sql"],
  ["16dcf914b14265358a38f13ef74a4854fa86ec596c99fb63df1c494814205ac8", "sql/migrations/0003_access.sql"],
  ["c3f470cb5f0410f8aaa244e62791779fe14ce22b2d24c1a382b0ff5c3a667295", "sql/migrations/0004_read.sql"],
  ["597cfc535d35db72b2faa820c6ecb3af757c16c62a6bd99e6e8ce496041ce191", "sql/migrations/0005_lifecycle.sql"],
  ["b06362b4d01bf3c6eae64d78a39854102bb73ec63876c3b1f0dda878512ce31a", "sql/migrations/0006_archive.sql"],
  ["bba8c04af6c61dd45a1ec860a2bac2acecc4b567486ab0b54aeb9915a7c23689", "sql/migrations/0007_people.sql"],
  ["f1641972e24ece0fdec82f9d80f1d01c36a5a7c2926b20609c7066ed97f5af20", "sql/versions/0001/catalog.sql"],
  ["7cde004151cc0f589c22ee8625a5b11d4bf5bc403cb2c841990dc5297fb56bac", "sql/versions/0001/code.sql"],
  ["c50e329b926590d00794a732129c43040cea03af5353ce7d814eddcc8d2a0e83", "sql/versions/0001/grants.sql"],
  ["f1641972e24ece0fdec82f9d80f1d01c36a5a7c2926b20609c7066ed97f5af20", "sql/versions/0002/catalog.sql"],
  ["77164187ee77263328775bddbce26cf530ade3601ddb335c190f87509dbd787d", "sql/versions/0002/code.sql"],
  ["429769029a0265aec2c6f73f7741a522af011dcca71e3c4f6bb60a8f6a12bba4", "sql/versions/0002/grants.sql"],
  ["f1e5e88d1430b5a14753fe5de588f61e5d4388a0a25274498a612608a0acd1df", "sql/versions/0003/catalog.sql"],
  ["498934a0c9f70be90098b8c1bbdd9bdf384d0e93fbc8d7ce07e001a75fd0b1e2", "sql/versions/0003/code.sql"],
  ["23ff03de1824725e2c0e9fe521db29a5e62ac78dd8c0ad6ef67338e4cfe4c7c1", "sql/versions/0003/grants.sql"],
  ["f1e5e88d1430b5a14753fe5de588f61e5d4388a0a25274498a612608a0acd1df", "sql/versions/0004/catalog.sql"],
  ["57fc235ae39f7f415db7839150f9494de30e302f499dd5feb12fbfed0ea44320", "sql/versions/0004/code.sql"],
  ["1905f5141912bacf03462172af5072376b4681606c82b624a52d9fa25359f146", "sql/versions/0004/grants.sql"],
  ["d51d2c00351ebfa8f40683c72b8209af994a912036bc62c9e7678731d7a6ce2a", "sql/versions/0005/catalog.sql"],
  ["828cd2ba5a6892aae13d47e1084286bc5cfd0786782fc52fa7c0daa227cf18f7", "sql/versions/0005/code.sql"],
  ["a7e7133be398039f89f291cb9d3300211696971b0b9d9b850dcc899b74361065", "sql/versions/0005/grants.sql"],
  ["d51d2c00351ebfa8f40683c72b8209af994a912036bc62c9e7678731d7a6ce2a", "sql/versions/0006/catalog.sql"],
  ["34ac0d45e8eb1259d03d10910ea6f15fcacd971d5d421c40a18358c6e3a72286", "sql/versions/0006/code.sql"],
  ["00d63a9079c5ff2d485e8faa2c001d564664e65326f8e32c0c540531d72a0e6d", "sql/versions/0006/grants.sql"],
  ["d51d2c00351ebfa8f40683c72b8209af994a912036bc62c9e7678731d7a6ce2a", "sql/versions/0007/catalog.sql"],
  ["2e8b66aa95f14d4509530f0cad9a8f6d4c5d8d3b56e69e6b826cb8ac2394c1fa", "sql/versions/0007/code.sql"],
  ["078fc82de5acfbb8526da1cd720636b07700f83c305e153d2b98a6a0571f1bf3", "sql/versions/0007/grants.sql"],
  ["03f4b9074229e1b335953932409c1384feb323edda79f9da2309097c1c36d978", "test/schema/0001.sql"],
  ["f3cd5f6fde1f0c8f34b226a49fffc04f6079ecbd8876cd0951fb3e791efaaba4", "test/schema/0002.sql"],
  ["b907ddcf8ad5085a1154c0de18613dd88cc4b765e1536cc39b9458e0f44e6d90", "test/schema/0003.sql"],
  ["1537a24e998b3a3bcff9948f0658ecc5764b14055ec01c58989ee8890f1e18c5", "test/schema/0004.sql"],
  ["4eac24c9a19c712421bb7417b7c750503ca2274e18d82b5ebdb5e333d48da994", "test/schema/0005.sql"],
  ["3117a51d575f942bc39896ea6a5feaddfb9c9ba271d293443e56f2a00899b8ae", "test/schema/0006.sql"],
  ["f5b9c71e53eb6c4a1c36c1dbfd6072662f04cdd8fe88d554d97e82abc15ae737", "test/schema/0007.sql"],
]

test.each(frozen)("%s is still the sha256 of %s", (sha256, file) => {
  expect(
    createHash("sha256")
      .update(readFileSync(join(root, file)))
      .digest("hex"),
  ).toBe(sha256)
})

test("every file of an earlier version is on that list", () => {
  const files = readdirSync(join(root, "sql/versions"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".sql"))
    .map((name) => `sql/versions/${name}`)
  expect(files.filter((file) => !frozen.some(([, name]) => name === file))).toEqual([])
})

test("every migration but the newest has the code of its time, by the checksum that its installer wrote", () => {
  const [present, ...earlier] = versions()
  expect(present?.number).toBe(migrations().at(-1)?.number)
  expect(earlier.map((one) => one.number).sort()).toEqual(
    migrations()
      .slice(0, -1)
      .map((one) => one.number),
  )
  for (const { number, codeChecksum, catalogChecksum } of earlier) {
    const installer = readFileSync(join(root, `test/schema/000${number}.sql`), "utf8")
    expect(installer).toContain(`'code_checksum', '${codeChecksum}'`)
    expect(installer).toContain(`'catalog_checksum', '${catalogChecksum}'`)
  }
  expect(versionAt(99)).toBe(undefined)
})
