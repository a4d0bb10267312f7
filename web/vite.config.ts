/// <reference types="vitest/config" />
import { defineConfig } from "vite";

// Relative addresses, so that the page also works behind a path of a reverse proxy; nothing is inlined, so
// that a content security policy of 'self' alone is enough.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "vendor", test: /node_modules/ }] },
      },
    },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
