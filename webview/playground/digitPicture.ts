/** A picture of a digit, drawn: what a sample of a data set looks like in the playground. */
export function digitPicture(digit: number, small: boolean): string {
  const size = small ? 28 : 96;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const ctx = canvas.getContext('2d');
  if (ctx === null) throw new Error('This browser draws on no canvas.');
  ctx.fillStyle = small ? '#000' : '#1b2735';
  ctx.fillRect(0, 0, size, size);
  ctx.fillStyle = small ? '#fff' : '#e8d9b8';
  ctx.font = `bold ${0.8 * size}px sans-serif`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillText(String(digit % 10), size / 2, 0.55 * size);
  return canvas.toDataURL('image/png');
}
