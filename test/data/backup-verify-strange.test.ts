// What somebody put into the folder of a backup, however deep: each thing is named, in folders and in buckets, and no link is followed.
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { verifyBackup } from "../../src/data/backup/verify.js"
import { openFolder } from "../../src/data/store/folder.js"
import { createClient } from "../../src/data/store/s3-client.js"
import { openStore } from "../../src/data/store/store.js"
import { type Damaged, damagedBackup } from "./backup-verify-damage.js"
import { type S3Server, startS3 } from "./s3-server.js"

let here: Damaged
let server: S3Server
beforeAll(async () => {
  here = await damagedBackup()
  server = await startS3()
})
afterAll(async () => {
  await here.log.remove()
  await server.close()
})

const unknown = "does not belong to the backup: the manifest knows no such file"
const folder = "does not belong to the backup: it is a folder, and a backup has none"
const link = "does not belong to the backup: it is a link, which was not followed"

test("files in a folder within it, empty folders, links and names that no file of pgtrail has are told, also by a quick look", async () => {
  await here.damaged(
    async (within) => {
      await mkdir(join(within, "extra", "deep", "empty"), { recursive: true })
      await writeFile(join(within, "extra", "x.bin"), "x")
      await writeFile(join(within, "extra", "deep", "y.bin"), "y")
      await mkdir(join(within, "keep.json"))
      // What a link leads to is not looked into, wherever it stands.
      const outside = join(here.log.folder, "outside")
      await mkdir(outside, { recursive: true })
      await writeFile(join(outside, "secret.bin"), "s")
      await symlink(outside, join(within, "linked"))
      await symlink(outside, join(within, "extra", "linked"))
      await symlink(join(outside, "secret.bin"), join(within, "verified-20261122T013000Z.json"))
      await writeFile(join(within, "my notes.txt"), "")
      await writeFile(join(within, ".hidden"), "")
      await writeFile(join(within, "extra.txt.partial-0123456789ab"), "")
      // Which of these belong there nobody can tell from what a verification that runs is just writing.
      await writeFile(join(within, "verified-20261122T023000Z.json.partial-0123456789ab"), "")
    },
    async () => {
      const expected = [
        `file: .hidden ${unknown}`,
        `file: extra.txt.partial-0123456789ab ${unknown}`,
        `file: extra/deep/empty ${folder}`,
        `file: extra/deep/y.bin ${unknown}`,
        `file: extra/linked ${link}`,
        `file: extra/x.bin ${unknown}`,
        `file: keep.json ${folder}`,
        `file: linked ${link}`,
        `file: my notes.txt ${unknown}`,
        `file: verified-20261122T013000Z.json ${link}`,
      ]
      for (const quick of [true, false]) {
        const { verdict, findings } = await here.told({ quick })
        expect({ verdict, findings: findings.sort() }).toEqual({ verdict: "tampered", findings: expected })
      }
    },
  )
  expect(await here.told()).toEqual({ verdict: "intact", findings: [] })
})

test("what file managers and a NAS leave in every folder is no damage; a link there is told all the same", async () => {
  await here.damaged(
    async (within) => {
      await mkdir(join(within, "@eaDir", "manifest.json@SynoEAStream"), { recursive: true })
      await writeFile(join(within, "@eaDir", "x"), "x")
      for (const name of [".DS_Store", "._manifest.json", "Thumbs.db", "desktop.ini", ".nfs0000a1"])
        await writeFile(join(within, name), "x")
      await symlink(here.log.folder, join(within, "@eaDir", "linked"))
    },
    async () => {
      for (const quick of [true, false]) {
        const { findings } = await here.told({ quick })
        expect(findings).toEqual([`file: @eaDir/linked ${link}`])
      }
    },
  )
})

test("a link or a folder in the place of a file is told once, as what it is, also by a quick look", async () => {
  await here.damaged(
    async (within) => {
      for (const file of ["hold.copy.gz", "setting.copy.gz"]) await rm(join(within, file))
      await symlink(join(here.log.folder, here.other, "hold.copy.gz"), join(within, "hold.copy.gz"))
      await mkdir(join(within, "setting.copy.gz"))
    },
    async () => {
      const words = "is no file, but a link or something else in its place"
      for (const quick of [true, false]) {
        const { findings } = await here.told({ quick })
        expect(findings.filter((one) => /hold|setting/.test(one)).sort()).toEqual([
          `file: hold.copy.gz ${words}`,
          `file: setting.copy.gz ${words}`,
        ])
      }
    },
  )
})

test.skipIf(process.getuid?.() === 0)(
  "a folder within it that may not be looked into is told itself",
  async () => {
    await here.damaged(
      async (within) => {
        await mkdir(join(within, "closed"))
        await writeFile(join(within, "closed", "x.bin"), "")
        await chmod(join(within, "closed"), 0)
      },
      async () => {
        expect((await here.told({ quick: true })).findings).toEqual([`file: closed ${folder}`])
        await chmod(join(here.log.folder, here.name, "closed"), 0o700)
      },
    )
  },
)

test("in a bucket keys with a further slash, and any that pgtrail would not write, are told; the mark of its own folder is not", async () => {
  const to = `s3://${server.bucket}/backups`
  const bucket = await openStore(to, { s3: server.settings })
  const lying = openFolder(here.log.to)
  for await (const { key } of lying.list(`${here.name}/`)) await bucket.put(key, await lying.get(key))
  const client = createClient(server.bucket, server.settings)
  const lay = (key: string, content = "") =>
    client.ask({ method: "PUT", key: `backups/${here.name}/${key}`, body: Buffer.from(content) })
  const said = async (quick: boolean) => {
    const { verdict, findings } = await verifyBackup(bucket, here.name, { quick })
    return { verdict, findings: findings.map(({ message }) => message).sort() }
  }
  await lay("")
  expect(await said(true)).toEqual({ verdict: "whole", findings: [] })
  await lay("extra/x.bin", "x")
  await lay("extra/deep/y.bin", "y")
  await lay("empty/")
  await lay("my notes.txt", "n")
  for (const quick of [true, false]) {
    expect(await said(quick)).toEqual({
      verdict: "tampered",
      findings: [
        `empty ${folder}`,
        `extra/deep/y.bin ${unknown}`,
        `extra/x.bin ${unknown}`,
        `my notes.txt ${unknown}`,
      ],
    })
  }
  client.close()
  await bucket.close()
})
