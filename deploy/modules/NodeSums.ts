import { proxied } from "./proxied.ts";

export default proxied("NodeSums", (m) => [m.getParameter("finalityBlocks")]);
