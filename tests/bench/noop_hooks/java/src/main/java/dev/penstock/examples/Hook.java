package dev.penstock.examples;

import dev.penstock.v1.Action;
import dev.penstock.v1.ActionEntry;
import dev.penstock.v1.HookServiceGrpc;
import dev.penstock.v1.InvokeRequest;
import dev.penstock.v1.InvokeResponse;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.List;

/** A hook that does nothing. */
public final class Hook extends HookServiceGrpc.HookServiceImplBase {
  @Override
  public void invoke(InvokeRequest request, StreamObserver<InvokeResponse> observer) {
    Action drop = Action.newBuilder().setType(Action.Type.DROP).build();
    ActionEntry entry = ActionEntry.newBuilder().setAction(drop).setAllRecipients(true).build();
    observer.onNext(InvokeResponse.newBuilder().addActions(entry).build());
    observer.onCompleted();
  }

  public static void main(String[] words) throws Exception {
    String listen = words[List.of(words).indexOf("--listen") + 1];
    int colon = listen.lastIndexOf(':');
    var address = new InetSocketAddress(listen.substring(0, colon), Integer.parseInt(listen.substring(colon + 1)));
    Server server = NettyServerBuilder.forAddress(address, InsecureServerCredentials.create())
        .addService(new Hook()).build().start();
    System.out.println("listening on 127.0.0.1:" + server.getPort());
    server.awaitTermination();
  }
}
