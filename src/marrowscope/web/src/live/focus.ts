/**
 * How sharp a picture is: the variance of its Laplacian (Pech-Pacheco et al., ICPR 2000), as
 * `imaging.repeats.fields.sharpness` measures images. It means something beside that of other views of the
 * same microscope alone.
 */
export function sharpness(rgba: Uint8ClampedArray, width: number, height: number): number {
  const grey = new Float32Array(width * height);
  for (let at = 0; at < grey.length; at++) {
    grey[at] = 0.299 * (rgba[4 * at] ?? 0) + 0.587 * (rgba[4 * at + 1] ?? 0) + 0.114 * (rgba[4 * at + 2] ?? 0);
  }
  let sum = 0;
  let squares = 0;
  let number = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const value = (grey[at - 1] ?? 0) + (grey[at + 1] ?? 0) + (grey[at - width] ?? 0) + (grey[at + width] ?? 0) - 4 * (grey[at] ?? 0);
      sum += value;
      squares += value * value;
      number += 1;
    }
  }
  return number === 0 ? 0 : squares / number - (sum / number) ** 2;
}
