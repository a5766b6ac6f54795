// Where archives are looked for: a bucket with many, one of them, its manifest, and a place with none.
import { afterAll, beforeAll, expect, test } from "vitest"
import { verifyArchives } from "../../src/data/archive/verify.js"
import { writeArchive } from "../../src/data/archive/write.js"
import { openStore } from "../../src/data/store/store.js"
import { about, type FilesRig, filesRig, inPieces, name, second } from "./archive-files-fixture.js"
import { type S3Server, startS3 } from "./s3-server.js"

let rig: FilesRig
let server: S3Server
beforeAll(async () => {
  rig = await filesRig()
  server = await startS3()
})
afterAll(async () => {
  await server?.close()
  await rig?.close()
})

test("in a bucket, with a prefix and without", async () => {
  const context = { store: { s3: server.settings } }
  for (const place of [`s3://${server.bucket}`, `s3://${server.bucket}/audit/prod`]) {
    await expect(verifyArchives([place], context)).rejects.toMatchObject({ code: "not-found" })
    const store = await openStore(place, context.store)
    for (const [one, rows] of [
      [name, rig.rows],
      [second, rig.others],
    ] as const) {
      await writeArchive(store, inPieces(rows, 50_000), await about(rig.db, one))
    }
    await store.close()
    const said = async (location: string) => {
      const { verdict, archives } = await verifyArchives([location], context)
      return [verdict, ...archives.map((archive) => archive.name)]
    }
    expect(await said(place)).toEqual(["intact", name, second])
    expect(await said(`${place}/${second}`)).toEqual(["intact", second])
    expect(await said(`${place}/${name}/manifest.json`)).toEqual(["intact", name])
    const emptied = await openStore(place, context.store)
    for (const one of [name, second]) {
      for (const file of ["manifest.json", "events.copy.gz"]) await emptied.remove(`${one}/${file}`)
    }
    await emptied.close()
  }
})
