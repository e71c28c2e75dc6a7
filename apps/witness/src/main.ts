// `node main.js init|run --config FILE`. Exit codes: 0 ended as asked, 1 failure, 2 usage, 78 a configuration at fault.
import { FolderTaken } from '@careseal/cosigner'
import { parseArgs } from 'node:util'
import { ConfigWrong, loadConfig, type WitnessConfig } from './config.js'
import { initWitness } from './init.js'
import { logTo, reasonOf } from './log.js'
import { runWitness } from './run.js'
import { WitnessUnfit } from './state/state-folder.js'

const HELP = `Usage: witness init|run --config FILE

A witness of transparency logs (C2SP tlog-witness): co-signs what only grows, and keeps evidence of what does not.

  init  makes its key and its state folder, and prints the vkeys to hand to logs and verifiers
  run   answers until SIGTERM or SIGINT; log lines on stdout are JSON

Options:
  --config FILE  the one file that it is configured with (JSON); paths in it count from its folder
  --help

Exit codes: 0 ended as asked, 1 failure, 2 usage, 78 the configuration is at fault.
`

// Beside the folder of the program, in the repository and in a bundle alike.
const PAGE = new URL('../page/generated/verifier.html', import.meta.url)

const EXIT = { failure: 1, usage: 2, config: 78 } as const

const COMMANDS: Record<string, (config: WitnessConfig) => Promise<void>> = {
  init: async (config) => void process.stdout.write(`${JSON.stringify(await initWitness(config))}\n`),
  run: async (config) => {
    const log = logTo(
      (line) => process.stdout.write(line),
      () => new Date(),
    )
    // From the first moment: whoever reads that the witness answers may end it at once.
    const ending = asked()
    const running = await runWitness(config, { log, page: PAGE })
    log('info', 'the witness answers', {
      url: running.url,
      name: config.name,
      logs: config.logs.map(({ origin }) => origin),
    })
    const signal = await ending
    log('info', 'the witness ends', { signal })
    await running.stop()
  },
}

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
    if (values.help) return told(0, HELP, process.stdout)
    const command = COMMANDS[positionals[0] ?? '']
    if (!command || positionals.length > 1 || values.config === undefined) return told(EXIT.usage, HELP)
    await command(loadConfig(values.config))
    return 0
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): number {
  if (error instanceof ConfigWrong) {
    return told(EXIT.config, [`witness: ${error.file}:`, ...error.faults.map((fault) => `  ${fault}`), ''].join('\n'))
  }
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof WitnessUnfit || error instanceof FolderTaken || !code?.startsWith('ERR_PARSE_ARGS')) {
    return told(EXIT.failure, `witness: ${reasonOf(error)}\n`)
  }
  return told(EXIT.usage, `witness: ${reasonOf(error)}\n\n${HELP}`)
}

function told(exitCode: number, text: string, stream: NodeJS.WritableStream = process.stderr): number {
  stream.write(text)
  return exitCode
}

function asked(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}
