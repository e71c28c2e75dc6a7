/** Whose key a resource is under: its first patient, a practitioner or organisation itself, else the deployment (null). */
export function subjectOf(resource: { type: string; id: string; patientIds: readonly string[] }): string | null {
  const [owner] = resource.patientIds
  if (owner !== undefined) return owner
  return resource.type === 'Practitioner' || resource.type === 'Organization' ? resource.id : null
}
