package dev.penstock.examples;

import dev.penstock.v1.Action;
import dev.penstock.v1.ActionEntry;
import dev.penstock.v1.Event;
import dev.penstock.v1.HookServiceGrpc;
import dev.penstock.v1.InvokeRequest;
import dev.penstock.v1.InvokeResponse;
import io.grpc.Context;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerCredentials;
import io.grpc.Status;
import io.grpc.TlsServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A hook that keeps a small house's mail policy: ../README.md has its rules, README.md how to run it. */
public final class Hook extends HookServiceGrpc.HookServiceImplBase {
  private final long delayMillis;

  private Hook(long delayMillis) {
    this.delayMillis = delayMillis;
  }

  @Override
  public void invoke(InvokeRequest request, StreamObserver<InvokeResponse> observer) {
    String id = request.getEvent().getInvocationId();
    System.out.println(id + " attempt " + request.getAttempt());
    CountDownLatch ended = new CountDownLatch(1); // at the deadline, or when nobody waits any more
    Context.current().addListener(context -> ended.countDown(), Runnable::run);
    try {
      if (ended.await(delayMillis, TimeUnit.MILLISECONDS)) {
        System.out.println("gave up " + id);
        observer.onError(Status.CANCELLED.withDescription("nobody waits for this answer").asException());
        return;
      }
    } catch (InterruptedException stopped) {
      observer.onError(Status.UNAVAILABLE.withDescription("stopping").asException());
      return;
    }
    observer.onNext(decide(request.getEvent()));
    observer.onCompleted();
  }

  static InvokeResponse decide(Event event) {
    boolean inbound = event.getFlowDirection() == Event.FlowDirection.INBOUND;
    String senderDomain = split(event.getEnvelope().getMailFrom().getAddress())[1];
    ActionEntry.Builder everyone = entry(Action.Type.DEFAULT, "").setAllRecipients(true);
    if (inbound && event.getSubject().startsWith("[SPAM]")) {
      everyone.getActionBuilder().setType(Action.Type.MOVE_TO_JUNK);
    } else if (inbound && senderDomain.equals("partner.example")) {
      everyone.getActionBuilder().setType(Action.Type.BYPASS_SPAM_CHECK);
    } else if (!inbound && event.getSubject().startsWith("[internal]")) {
      everyone.setAction(entry(Action.Type.BOUNCE, "Mail marked [internal] stays inside.").getAction());
    }
    List<ActionEntry> others = new ArrayList<>(); // everyone is whom none of these names
    for (var recipient : event.getEnvelope().getRecipientsList()) {
      String[] parts = split(recipient.getAddress());
      String copy = "archive@" + (inbound ? parts[1] : senderDomain);
      if (parts[0].equals("closed")) {
        String text = "This mailbox is closed. Write to help@" + parts[1];
        others.add(entry(Action.Type.BOUNCE, text).addRecipients(recipient.getAddress()).build());
      } else if (parts[0].equals("noreply")) {
        others.add(entry(Action.Type.DROP, "").addRecipients(recipient.getAddress()).build());
      } else if (everyone.getAction().getType() == Action.Type.DEFAULT && !everyone.getRecipientsList().contains(copy)) {
        everyone.addRecipients(copy);
      }
    }
    return InvokeResponse.newBuilder().addActions(everyone).addAllActions(others).build();
  }

  private static ActionEntry.Builder entry(Action.Type type, String bounceMessage) {
    Action.Builder action = Action.newBuilder().setType(type);
    if (!bounceMessage.isEmpty()) {
      action.getParametersBuilder().setBounceMessage(bounceMessage);
    }
    return ActionEntry.newBuilder().setAction(action);
  }

  private static String[] split(String address) {
    String lower = address.toLowerCase(Locale.ROOT);
    int at = lower.lastIndexOf('@');
    return new String[] {lower.substring(0, Math.max(at, 0)), lower.substring(at + 1)};
  }

  public static void main(String[] words) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < words.length; i += 2) {
      options.put(words[i], words[i + 1]);
    }
    ServerCredentials credentials = InsecureServerCredentials.create();
    if (options.containsKey("--tls-certificate")) {
      credentials = TlsServerCredentials.newBuilder()
          .keyManager(new File(options.get("--tls-certificate")), new File(options.get("--tls-key")))
          .trustManager(new File(options.get("--tls-ca")))
          .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE).build();
    }
    String listen = options.getOrDefault("--listen", "127.0.0.1:50051");
    int colon = listen.lastIndexOf(':');
    var address = new InetSocketAddress(listen.substring(0, colon), Integer.parseInt(listen.substring(colon + 1)));
    Server server = NettyServerBuilder.forAddress(address, credentials)
        .addService(new Hook(Long.parseLong(options.getOrDefault("--delay", "0"))))
        .addService(new HealthStatusManager().getHealthService()) // "" is SERVING from the start
        .build().start();
    System.out.println("listening on " + listen.substring(0, colon) + ":" + server.getPort());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      server.shutdown(); // calls that run may finish
      try {
        server.awaitTermination(15, TimeUnit.SECONDS);
      } catch (InterruptedException hurried) {
        server.shutdownNow();
      }
    }));
    server.awaitTermination();
  }
}
