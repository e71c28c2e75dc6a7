// `careseal witness init|run`: the witness as the program that it is on the machine of another organisation as well.
import { repositoryRoot } from '@careseal/stack'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { CliError, EXIT } from '../exit.js'

const PROGRAM = join(repositoryRoot(), 'apps', 'witness', 'dist', 'main.js')

const HELP = `
Where the configuration file comes from, and what stands in it: apps/witness/README.md.

Examples:
  careseal witness init --config witness.json    make its key and its state, once; prints the vkey for policies
  careseal witness run --config witness.json     co-sign until Ctrl-C

Exit codes: 0 ended as asked, 1 failure, 2 usage, 78 the configuration is at fault.`

export function addWitnessCommands(program: Command): void {
  const witness = program.command('witness').description('co-sign the checkpoints of ledgers, for another organisation')
  for (const [name, what] of [
    ['init', 'make its key and its state folder, and print the vkeys'],
    ['run', 'answer until it is ended; log lines on stdout are JSON'],
  ] as const) {
    witness
      .command(name)
      .description(what)
      .requiredOption('--config <file>', 'the one file that it is configured with (JSON)')
      .addHelpText('after', HELP)
      .action(({ config }: { config: string }) => runWitness(name, config))
  }
}

/** Runs it in the foreground; what ends us ends it, and how it ended is how we end. */
async function runWitness(command: 'init' | 'run', config: string): Promise<void> {
  if (!existsSync(PROGRAM)) throw new CliError(EXIT.failure, 'the witness is not built: npm run build')
  const child = spawn(process.execPath, [PROGRAM, command, '--config', config], { stdio: 'inherit' })
  // A Ctrl-C reaches the witness by itself, and a second one would kill it; what is sent to us alone is passed on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void child.kill(signal))
  const [code] = (await once(child, 'close')) as [number | null]
  process.exitCode = code ?? EXIT.failure
}
