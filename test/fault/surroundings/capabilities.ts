// What this machine lets a test do. What is missing is said with its reason, and the tests that need it are skipped.
import { run, tryToRun } from './command.js'

export type Capability = 'namespaces' | 'strace' | 'mount'

const PROBE = `csprobe${process.pid}`
const tried = new Map<Capability, Promise<string | null>>()

/** Why faults of this kind cannot be made here, or null where they can. */
export function missing(capability: Capability): Promise<string | null> {
  const known = tried.get(capability) ?? PROBES[capability]()
  tried.set(capability, known)
  return known
}

const PROBES: Record<Capability, () => Promise<string | null>> = {
  namespaces: async () => {
    const mend = 'network namespaces need root, iproute2 and iptables'
    const works = await succeeds(async () => {
      await run('ip', 'netns', 'add', PROBE)
      await run('ip', 'netns', 'exec', PROBE, 'iptables', '-L', '-n')
      await run('ip', 'link', 'add', PROBE, 'type', 'bridge')
    })
    await tryToRun('ip', 'link', 'del', PROBE)
    await tryToRun('ip', 'netns', 'del', PROBE)
    return works ? null : mend
  },
  strace: async () => {
    const works = await succeeds(() => run('strace', '-o', '/dev/null', '-e', 'inject=fsync:error=EIO', 'true'))
    return works ? null : 'faults of the disk need strace, and leave to trace'
  },
  mount: async () => {
    const works =
      process.getuid?.() === 0 && (await succeeds(() => run('unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/mnt')))
    return works ? null : 'a small disk needs root and leave to mount'
  },
}

async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch {
    return false
  }
}
