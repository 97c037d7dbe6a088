// A hook that does nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"

	pb "penstock.dev/examples/go_hook/penstockv1"
)

type hook struct {
	pb.UnimplementedHookServiceServer
}

func (hook) Invoke(context.Context, *pb.InvokeRequest) (*pb.InvokeResponse, error) {
	entry := &pb.ActionEntry{Action: &pb.Action{Type: pb.Action_DROP}, AllRecipients: true}
	return &pb.InvokeResponse{Actions: []*pb.ActionEntry{entry}}, nil
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	server := grpc.NewServer()
	pb.RegisterHookServiceServer(server, hook{})
	log.Fatal(server.Serve(listener))
}
