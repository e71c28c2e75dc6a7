// To whom a resource belongs that names no patient of its own: to the patients of all that it refers to, directly or
// through others of its kind. The answer is the same whether they came in one request or one after the other.

/** A resource of a request, by `Type/id`. One with patients of its own inherits nothing. */
export type Heir = { name: string; patientIds: readonly string[]; refersTo: readonly string[] }

/**
 * The patients of each resource of the request, by name; those inherited are ascending. `stored` has the patients of
 * what was there before; what the request itself holds comes first.
 *
 * Each patient is handed once to each heir, so that a circle ends and a long chain costs what a short one does.
 */
export function inheritedPatients(
  heirs: readonly Heir[],
  stored: ReadonlyMap<string, readonly string[]>,
): Map<string, string[]> {
  const orphans = heirs.filter(({ patientIds }) => patientIds.length === 0)
  const inherited = new Map(orphans.map(({ name }) => [name, new Set<string>()]))
  const heirsOf = orphansByTarget(orphans)
  const asked = new Map([...stored, ...heirs.map((heir): [string, readonly string[]] => [heir.name, heir.patientIds])])
  const pending = [...asked].flatMap(([name, patientIds]) => patientIds.map((patientId) => ({ name, patientId })))
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { name, patientId } = next
    for (const heir of heirsOf.get(name) ?? []) {
      const known = inherited.get(heir)!
      if (known.has(patientId)) continue
      known.add(patientId)
      pending.push({ name: heir, patientId })
    }
  }
  return new Map(heirs.map(({ name, patientIds }) => [name, ascending(inherited.get(name)) ?? [...patientIds]]))
}

function orphansByTarget(orphans: readonly Heir[]): Map<string, string[]> {
  const byTarget = new Map<string, string[]>()
  for (const { name, refersTo } of orphans) {
    for (const target of new Set(refersTo)) {
      const known = byTarget.get(target)
      if (known) known.push(name)
      else byTarget.set(target, [name])
    }
  }
  return byTarget
}

function ascending(patientIds: ReadonlySet<string> | undefined): string[] | undefined {
  return patientIds && [...patientIds].toSorted()
}
