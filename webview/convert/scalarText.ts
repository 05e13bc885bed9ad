/** A single value of the plan as a field shows it; empty for null and for what is no single value. */
export function scalarText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
