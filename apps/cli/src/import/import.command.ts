import type { Command } from 'commander'
import { accessToken, contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { startProgress } from '../terminal/progress.js'
import { memoryOf } from './imported.js'
import { fileSource, importBundles } from './importer.js'
import { importFigures, progressDetail, reportImport, summaryJson } from './report.js'
import { sourceFiles } from './source-files.js'
import { cachedToken, TOKEN_ATTEMPTS } from './cached-token.js'

type ImportCommandOptions = GlobalOptions & { as: string; concurrency: number }

const MORE_HELP = `
May be repeated: what the ledger of this machine holds already, whoever imported it, is not sent again. Another ledger
(--origin) stores nothing twice within 24 hours, by the same login; later it does.

Examples:
  careseal import ./bundles
  careseal import a.json b.json --as lab --json`

export function addImportCommand(program: Command, concurrency: (text: string) => number): void {
  program
    .command('import')
    .description('store every FHIR transaction or batch Bundle of files or folders')
    .argument('<path...>', 'files, or folders whose .json files are taken')
    .option('--as <login>', 'the login that imports', 'hospital')
    .option('--concurrency <n>', 'bundles under way at once', concurrency, 4)
    .option('--origin <url>', 'another ledger than the one on this machine (with a token in CARESEAL_TOKEN)')
    .addHelpText('after', MORE_HELP)
    .action(runImport)
}

async function runImport(paths: string[], _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ImportCommandOptions>()
  const context = contextOf(options)
  const { terminal } = context
  const { files, skipped } = sourceFiles(paths)
  if (files.length === 0) throw new CliError(EXIT.usage, `there is no .json file in ${paths.join(', ')}`)
  if (skipped.length > 0) terminal.note(`${skipped.length} files are skipped: their names do not end in .json`)
  const progress = startProgress(terminal, 'bundles', files.length)
  const summary = await importBundles(files.map(fileSource), {
    origin: context.origin(),
    token: cachedToken(() => accessToken(context, options.as, TOKEN_ATTEMPTS)),
    concurrency: options.concurrency,
    // Of another ledger nobody here can know what it holds.
    ...(options.origin === undefined ? memoryOf(context.dataDir()) : {}),
    onProgress: (done) => progress.update(done.files, undefined, progressDetail(done)),
  }).finally(() => progress.stop())
  reportImport(terminal, summary)
  terminal.data(importFigures(summary), summaryJson(summary))
  if (summary.refusals.length > 0) process.exitCode = EXIT.failure
}
