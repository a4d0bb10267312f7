import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "node_modules"] },
  js.configs.recommended,
  {
    files: ["src/**/*.ts", "test/**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers are what this page shows.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "max-lines": ["error", { max: 250, skipComments: true, skipBlankLines: true }],
      "max-depth": ["error", 4],
      // Data never becomes markup.
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Build nodes with h()." },
        { property: "outerHTML", message: "Build nodes with h()." },
        { property: "insertAdjacentHTML", message: "Build nodes with h()." },
      ],
    },
  },
  {
    files: ["e2e/**/*.mjs", "*.js"],
    languageOptions: {
      globals: Object.fromEntries(
        ["process", "console", "setTimeout", "fetch", "URL", "document", "window", "performance",
          "MutationObserver", "requestAnimationFrame", "getComputedStyle", "Buffer"].map((name) => [name, "readonly"]),
      ),
    },
  },
);
