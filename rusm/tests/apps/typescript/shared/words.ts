/** Imported by the path that `tsconfig.json` gives. */
export const word: string = "shared";
