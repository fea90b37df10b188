// Java's HttpClient: HTTP and WebSocket. See cells.py for what is printed.
//
// By its default it offers to upgrade each connection to HTTP/2 with its first request.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

final class Row {
    static final int[] SIZES = {1, 28 << 10, 64 << 10, 1 << 20};
    static final int TOO_LARGE = 16_000_000;
    /** Longer than anything takes that works, on a busy machine. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    interface Attempt {
        void run() throws Exception;
    }

    final String name, way, port;

    Row(String name, String way, String port) {
        this.name = name;
        this.way = way;
        this.port = port;
    }

    public static void main(String[] args) throws Exception {
        for (String given : Arrays.copyOfRange(args, 1, args.length)) {
            String[] way = given.split("=");
            new Row(args[0], way[0], way[1]).cells();
        }
        // The clients' threads stay for a while.
        System.exit(0);
    }

    void cells() throws Exception {
        for (int size : SIZES) cell("fresh", size, () -> echoes(HttpClient.newHttpClient(), "fresh", size));
        HttpClient kept = HttpClient.newHttpClient();
        for (int size : SIZES) cell("kept", size, () -> echoes(kept, "kept", size));
        for (int size : SIZES) {
            cell("first", size, () -> {
                Socket socket = new Socket(kept, uri("ws", "first"));
                byte[] sent = body(size);
                socket.connection.sendBinary(ByteBuffer.wrap(sent), true).join();
                same(socket.take(), sent);
                socket.connection.abort();
            });
        }
        Socket later = new Socket(kept, uri("ws", "later"));
        for (int size : SIZES) {
            cell("later", size, () -> {
                byte[] sent = "x".repeat(size).getBytes();
                later.connection.sendText(new String(sent), true).join();
                same(later.take(), sent);
            });
        }
        later.connection.abort();
        cell("talk", 0, () -> {
            HttpRequest request = post("talk", 64 << 10).expectContinue(true).build();
            same(kept.send(request, BodyHandlers.ofByteArray()).body(), body(64 << 10));
        });
        cell("events", 0, () -> {
            URI feed = URI.create("http://127.0.0.1:" + port + "/feed/matrix");
            var lines = kept.send(HttpRequest.newBuilder(feed).timeout(PATIENCE).build(), BodyHandlers.ofLines()).body();
            lines.filter(line -> line.contains("hello from the matrix")).findFirst().orElseThrow();
        });
        cell("refused", TOO_LARGE, () -> {
            var response = HttpClient.newHttpClient().send(post("refused", TOO_LARGE).build(), BodyHandlers.discarding());
            if (response.statusCode() != 413) throw new Exception(response.toString());
        });
    }

    void cell(String kind, int size, Attempt attempt) {
        String outcome = "ok";
        try {
            attempt.run();
        } catch (Throwable error) {
            outcome = error.toString().replace('\n', ' ');
        }
        System.out.println(way + " " + kind + " " + size + " " + outcome);
    }

    void echoes(HttpClient client, String kind, int size) throws Exception {
        var response = client.send(post(kind, size).build(), BodyHandlers.ofByteArray());
        if (response.statusCode() != 200) throw new Exception(response.toString());
        same(response.body(), body(size));
    }

    HttpRequest.Builder post(String kind, int size) {
        return HttpRequest.newBuilder(uri("http", kind)).timeout(PATIENCE).POST(BodyPublishers.ofByteArray(body(size)));
    }

    URI uri(String scheme, String kind) {
        return URI.create(scheme + "://127.0.0.1:" + port + "/echo?" + name + "-" + way + "-" + kind);
    }

    static byte[] body(int size) {
        byte[] body = new byte[size];
        for (int i = 0; i < size; i++) body[i] = (byte) i;
        return body;
    }

    static void same(byte[] came, byte[] sent) throws Exception {
        if (!Arrays.equals(came, sent)) throw new Exception(came.length + " bytes came back of " + sent.length);
    }

    /** A WebSocket, and the messages that came. */
    static final class Socket implements WebSocket.Listener {
        final WebSocket connection;
        final LinkedBlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
        private final java.io.ByteArrayOutputStream message = new java.io.ByteArrayOutputStream();

        Socket(HttpClient client, URI uri) {
            connection = client.newWebSocketBuilder().connectTimeout(PATIENCE).buildAsync(uri, this).join();
        }

        byte[] take() throws Exception {
            byte[] message = messages.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (message == null) throw new Exception("no message came");
            return message;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean last) {
            byte[] bytes = new byte[part.remaining()];
            part.get(bytes);
            return take(socket, bytes, last);
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
            return take(socket, part.toString().getBytes(), last);
        }

        private CompletionStage<?> take(WebSocket socket, byte[] part, boolean last) {
            message.writeBytes(part);
            if (last) {
                messages.add(message.toByteArray());
                message.reset();
            }
            socket.request(1);
            return CompletableFuture.completedFuture(null);
        }
    }
}
