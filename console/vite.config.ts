import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Fixed names: the program embeds these very files, and says by their digest whether a browser has them already.
export default defineConfig({
  plugins: [react()],
  publicDir: "public",
  build: {
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "console.js",
        assetFileNames: "console[extname]",
        codeSplitting: false,
      },
    },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:7717", "/log/": "http://127.0.0.1:7717" } },
});
