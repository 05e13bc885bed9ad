/** Disjoint sets of names (union by arrival, path halving): tensors that must share a scale. Used by `placeQuantization.ts`. */
export class UnionFind {
  private readonly parents = new Map<string, string>();

  /** The representative of a name's set; a name never seen is alone. */
  find(name: string): string {
    let current = name;
    for (;;) {
      const parent = this.parents.get(current);
      if (parent === undefined || parent === current) return current;
      const grandparent = this.parents.get(parent) ?? parent;
      this.parents.set(current, grandparent);
      current = grandparent;
    }
  }

  union(first: string, second: string): void {
    const root = this.find(first);
    const other = this.find(second);
    if (root !== other) this.parents.set(other, root);
  }
}
