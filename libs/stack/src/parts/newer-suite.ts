// Takes one file out of a package of a newer suite of Debian or Ubuntu into a cache folder: no root, nothing installed.
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const SUITES: Record<string, { suite: string; component: string; keyring: string }> = {
  Debian: { suite: 'sid', component: 'main', keyring: '/usr/share/keyrings/debian-archive-keyring.gpg' },
  Ubuntu: { suite: 'devel', component: 'universe', keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg' },
}

export type PackagedFile = { package: string; file: string; into: string }

/** Path of `into/file`, taken from the named package. Throws where apt is missing or the package cannot be had. */
export async function unpackFromNewerSuite(wanted: PackagedFile): Promise<string> {
  const mirror = await machineMirror()
  const work = join(wanted.into, `apt-${process.pid}`)
  try {
    return await unpack(wanted, work, mirror)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

type Mirror = { url: string; label: string }

// The mirror that this machine already uses; only the suite differs.
async function machineMirror(): Promise<Mirror> {
  for (const label of Object.keys(SUITES)) {
    const filters = ['--format', '$(REPO_URI)', 'Created-By: Packages', `Label: ${label}`]
    const { stdout } = await run('apt-get', ['indextargets', ...filters])
    const url = process.env['CARESEAL_APT_MIRROR'] ?? stdout.split('\n')[0]
    if (url) return { url, label }
  }
  throw new Error('no package lists of Debian or Ubuntu: run apt-get update once')
}

async function unpack(wanted: PackagedFile, work: string, { url, label }: Mirror): Promise<string> {
  const { suite, component, keyring } = SUITES[label] as (typeof SUITES)[string]
  for (const dir of ['lists/partial', 'cache/archives/partial', 'conf.d', 'root']) {
    mkdirSync(join(work, dir), { recursive: true })
  }
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${url} ${suite} ${component}\n`)
  const options = aptOptions(work)
  await run('apt-get', [...options, 'update', '-qq'], { cwd: work })
  await run('apt-get', [...options, 'download', '-qq', wanted.package], { cwd: work })
  const [deb] = globSync(`${wanted.package}_*.deb`, { cwd: work })
  if (!deb) throw new Error('the download left no package')
  await run('dpkg', ['-x', join(work, deb), join(work, 'root')])
  const target = join(wanted.into, wanted.file)
  mkdirSync(dirname(target), { recursive: true })
  // A rename, so that another process never sees half a program.
  renameSync(join(work, 'root', wanted.file), target)
  return target
}

function aptOptions(work: string): string[] {
  const settings = [
    `Dir::Etc::sourcelist=${work}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::Etc::preferencesparts=${work}/conf.d`,
    `Dir::State::lists=${work}/lists`,
    `Dir::Cache=${work}/cache`,
    'Dir::State::status=/dev/null',
    'Debug::NoLocking=1',
    'Acquire::Languages=none',
    'Acquire::Check-Valid-Until=false',
    `APT::Sandbox::User=${userInfo().username}`,
  ]
  return settings.flatMap((setting) => ['-o', setting])
}
