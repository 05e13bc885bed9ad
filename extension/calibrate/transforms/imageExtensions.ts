/** Which files count as pictures, by name. Apart from the decoders, so that asking for it loads none of them. */

/** The extensions of torchvision's ImageFolder (`torchvision.datasets.folder.IMG_EXTENSIONS`). */
export const imageExtensions = ['.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp'] as const;
