// Answers whether a namespace may use a cluster-scoped object.

/** Absent means every namespace, an empty list none. */
export function namespaceAllowed(
  allowed: { readonly names: readonly string[] } | undefined,
  namespace: string,
): boolean {
  return allowed === undefined || allowed.names.includes(namespace);
}
