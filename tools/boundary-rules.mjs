// The dependency rule of ARCHITECTURE.md as a function: projects and their files in, violations out. No I/O, so that a
// test can plant a violation of each kind.

/** @typedef {{ path: string, text: string }} SourceFile paths are relative to the project's folder */
/** @typedef {{ name: string, tags: string[], manifest: Record<string, any>, files: SourceFile[] }} Project */

/** What each type of project may import; a type that is not listed may import nothing. */
const ALLOWED = {
  'type:app': ['type:nest', 'type:adapter', 'type:pure'],
  'type:nest': ['type:nest', 'type:adapter', 'type:pure'],
  'type:adapter': ['type:pure'],
  'type:pure': ['type:pure'],
  'type:testing': ['type:pure', 'type:adapter'],
}

const FRAMEWORKS = /^(@nestjs\/|typeorm$|pg$|nats$|@nats-io\/)/
const IMPURE =
  /\b(Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|process\.(env|argv|exit)|fetch\(|set(?:Timeout|Interval)\()/

/** Files that may do what their project may not, each for a reason that stands in the file itself. */
const EXCEPTIONS = {
  'libs/crypto': { '*': ['node:crypto'] },
  'libs/fhir': { 'src/definitions.ts': ['node:fs', 'node:zlib'] },
}

const TEST_ONLY = /\.(spec|bench|fixture)\.ts$|(^|\/)(testing|test)\//
const TESTING = ['@careseal/testing', '@careseal/stack']
const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s+(?:[^'"();]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm

/** Every violation as one line: which file, what it does, which rule forbids it. */
export function violations(projects) {
  const byPackage = new Map(projects.map((project) => [project.manifest.name, project]))
  const found = projects.flatMap((project) => project.files.flatMap((file) => ofFile(project, file, byPackage)))
  return [...found, ...cycles(projects, byPackage)]
}

function ofFile(project, file, byPackage) {
  const where = `${project.name}/${file.path}`
  const isTest = TEST_ONLY.test(file.path)
  const imports = importsOf(file.text)
  const found = imports.flatMap((name) => ofImport({ project, file, name, isTest }, byPackage))
  if (!isTest && mustBePure(project, file)) found.push(...ofPurity(project, file, imports))
  return found.map((what) => `${where}: ${what}`)
}

export function importsOf(text) {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2])
}

function ofImport({ project, file, name, isTest }, byPackage) {
  if (name.startsWith('.')) return ofRelative(file, name, isTest)
  if (!name.startsWith('@careseal/')) return ofForeign(project, name, isTest)
  const target = byPackage.get(name.split('/').slice(0, 2).join('/'))
  if (!target) return [`imports ${name}, which is no project`]
  if (target === project) return [`imports its own package ${name}`]
  const found = ofExports(target, name)
  if (isTest && TESTING.includes(target.manifest.name)) return found
  return [...found, ...ofDeclaration(project, target, isTest), ...ofTypes(project, target)]
}

function ofRelative(file, name, isTest) {
  const parts = [...file.path.split('/').slice(0, -1), ...name.split('/')]
  let depth = 0
  for (const part of parts) {
    if (part === '..') depth -= 1
    else if (part !== '.') depth += 1
    if (depth < 0) return [`a relative import leaves the project: ${name}`]
  }
  const target = normal(parts)
  return !isTest && TEST_ONLY.test(target) ? [`imports ${name}, which is for specs alone`] : []
}

function normal(parts) {
  const path = []
  for (const part of parts) {
    if (part === '..') path.pop()
    else if (part !== '.') path.push(part)
  }
  return path.join('/')
}

function ofForeign(project, name, isTest) {
  const isAdapter = project.tags.includes('type:adapter')
  return isAdapter && !isTest && name.startsWith('@nestjs/') ? [`an adapter imports ${name}`] : []
}

function ofExports(target, name) {
  const path = name.slice(target.manifest.name.length)
  if (path === '' || target.manifest.exports?.[`.${path}`]) return []
  return [`a deep import of ${name}, which ${target.manifest.name} does not export`]
}

function ofDeclaration(project, target, isTest) {
  const { dependencies = {}, peerDependencies = {}, devDependencies = {} } = project.manifest
  const declared = { ...dependencies, ...peerDependencies, ...(isTest ? devDependencies : {}) }
  const { name } = target.manifest
  return declared[name] ? [] : [`imports ${name}, which its package.json does not declare`]
}

function ofTypes(project, target) {
  const allowed = project.tags.flatMap((tag) => ALLOWED[tag] ?? [])
  if (target.tags.some((tag) => allowed.includes(tag))) return []
  return [`${typeOf(project)} may not import ${typeOf(target)} (${target.manifest.name})`]
}

const typeOf = (project) => project.tags.find((tag) => tag.startsWith('type:')) ?? 'a project without a type'

function mustBePure(project, file) {
  return project.tags.includes('type:pure') || file.path.endsWith('.decider.ts')
}

function ofPurity(project, file, imports) {
  const exceptions = EXCEPTIONS[project.name] ?? {}
  const excused = [...(exceptions['*'] ?? []), ...(exceptions[file.path] ?? [])]
  const forbidden = imports.filter(
    (name) => (name.startsWith('node:') || FRAMEWORKS.test(name)) && !excused.includes(name),
  )
  const found = forbidden.map((name) => `pure code imports ${name}`)
  const call = IMPURE.exec(withoutComments(file.text))
  return call ? [...found, `pure code calls ${call[1]}`] : found
}

function withoutComments(text) {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '')
}

/** Cycles between projects, by what their code imports and not by what they declare; specs do not count. */
function cycles(projects, byPackage) {
  const state = new Map()
  const found = []
  const visit = (project, path) => {
    if (state.get(project) === 'done') return
    if (state.get(project) === 'open') {
      found.push(`a cycle: ${[...path.slice(path.indexOf(project.name)), project.name].join(' → ')}`)
      return
    }
    state.set(project, 'open')
    for (const next of importedBy(project, byPackage)) visit(next, [...path, project.name])
    state.set(project, 'done')
  }
  for (const project of projects) visit(project, [])
  return found
}

function importedBy(project, byPackage) {
  const code = project.files.filter((file) => !TEST_ONLY.test(file.path))
  const names = code.flatMap((file) => importsOf(file.text)).filter((name) => name.startsWith('@careseal/'))
  const targets = names.map((name) => byPackage.get(name.split('/').slice(0, 2).join('/')))
  return new Set(targets.filter((target) => target && target !== project))
}
