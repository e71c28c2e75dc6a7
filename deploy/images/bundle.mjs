// Makes of each built service the few files that its image holds: programs with all they import in them, the data that
// they read at run time, and the licences of what went in. Node and these files are all that runs; no package manager,
// no dependency tree. Names are kept and nothing is minified, so a stack trace reads as in development.
// Usage, after `tsc -b`: node deploy/images/bundle.mjs OUT [APP…]
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { build } from 'vite'

const ROOT = join(import.meta.dirname, '..', '..')

/** The programs of each service; each becomes `dist/<program>.js` in the image. */
export const PROGRAMS = {
  identity: ['main', 'migrate', 'recover'],
  consent: ['main', 'migrate', 'recover'],
  records: ['main', 'migrate', 'recover'],
  audit: ['main', 'migrate', 'rebuild', 'recover'],
  'ledger-sequencer': ['main', 'migrate', 'init', 'signer-main', 'administer', 'recover'],
  witness: ['main'],
}

const fhirDefinitions = { from: 'libs/fhir/generated/definitions.json.gz', to: 'generated/definitions.json.gz' }

// What is found by a path at run time and not by an import.
const FILES_READ = {
  consent: () => [fhirDefinitions],
  records: () => [fhirDefinitions, ...swaggerFiles()],
  audit: () => [fhirDefinitions],
  witness: () => [{ from: 'apps/witness/page/generated/verifier.html', to: 'page/generated/verifier.html' }],
}

// TypeORM takes its driver by a name that no bundler can follow; of all that it knows we have one.
const postgresDriver = {
  name: 'careseal:postgres-driver',
  transform(code, id) {
    if (!id.endsWith('/typeorm/platform/PlatformTools.js')) return null
    const [before, after, more] = code.split('return require(name);')
    if (after === undefined || more !== undefined) throw new Error('TypeORM loads drivers in another way now')
    return `${before}if (name === 'pg') return require('pg'); throw new Error(name + ' is not bundled');${after}`
  },
}

async function bundle(app, out) {
  const target = join(out, app)
  rmSync(target, { recursive: true, force: true })
  const programs = PROGRAMS[app].map((name) => [name, join(ROOT, 'apps', app, 'dist', `${name}.js`)])
  const { output } = await build({
    configFile: false,
    root: join(ROOT, 'apps', app),
    logLevel: 'warn',
    ssr: { noExternal: true },
    plugins: [postgresDriver],
    build: {
      ssr: true,
      target: 'node24',
      minify: false,
      outDir: join(target, 'dist'),
      emptyOutDir: true,
      rolldownOptions: {
        input: Object.fromEntries(programs),
        // The one `eval` is in depd, which builds a wrapper with as many parameters as the function it deprecates.
        checks: { eval: false },
        output: { format: 'esm', keepNames: true, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  })
  writeFileSync(join(target, 'package.json'), `${JSON.stringify({ name: `@careseal/${app}`, type: 'module' })}\n`)
  for (const { from, to } of FILES_READ[app]?.() ?? []) copy(join(ROOT, from), join(target, to))
  const modules = output.flatMap((chunk) => chunk.moduleIds ?? [])
  writeFileSync(join(target, 'THIRD-PARTY.txt'), licencesOf(packagesOf(modules)))
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}

// The docs page resolves @nestjs/swagger, and from there the files of Swagger UI that it serves.
function swaggerFiles() {
  const here = createRequire(join(ROOT, 'apps', 'records', 'package.json'))
  const swagger = here.resolve('@nestjs/swagger')
  const assets = dirname(createRequire(swagger).resolve('swagger-ui-dist/package.json'))
  const files = [swagger, packageFile(dirname(swagger))]
  const served = [
    'package.json',
    'swagger-ui.css',
    'swagger-ui-bundle.js',
    'swagger-ui-standalone-preset.js',
    'favicon-32x32.png',
  ]
  return [...files, ...served.map((name) => join(assets, name))].map((file) => {
    const path = file.slice(file.indexOf('node_modules'))
    return { from: path, to: path }
  })
}

function packagesOf(modules) {
  const inPackages = modules.filter((id) => id.includes('/node_modules/') && !id.startsWith('\0'))
  const files = inPackages.map((id) => packageFile(dirname(id.split('?')[0])))
  return [...new Set(files)].toSorted()
}

// The nearest package.json with a name and a version: some packages hold others without, to name the module system.
function packageFile(folder) {
  const file = join(folder, 'package.json')
  if (existsSync(file) && readJson(file).version) return file
  return packageFile(dirname(folder))
}

function licencesOf(packageFiles) {
  const texts = packageFiles.map((file) => {
    const { name, version, license } = readJson(file)
    const entries = readdirSync(dirname(file), { withFileTypes: true }).filter((entry) => entry.isFile())
    const notices = entries.filter((entry) => /^(licen[cs]e|notice|copying)/i.test(entry.name))
    const wordings = notices.map((entry) => readFileSync(join(dirname(file), entry.name), 'utf8').trim())
    return [`${name} ${version}: ${license}`, ...wordings].join('\n\n')
  })
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

const [out, ...apps] = process.argv.slice(2)
if (out === undefined || apps.some((app) => !Object.hasOwn(PROGRAMS, app))) {
  process.stderr.write(`Usage: node deploy/images/bundle.mjs OUT [${Object.keys(PROGRAMS).join(' | ')}]…\n`)
  process.exit(2)
}
for (const app of apps.length > 0 ? apps : Object.keys(PROGRAMS)) await bundle(app, resolve(out))
