// An echo server on gorilla/websocket, and one that publishes.
//
// usage: gorilla ADDRESS
//
// At /deflate messages are compressed with permessage-deflate where the client offers it; at /large it reads and writes
// 72 KiB at once, and not 4. At /hub/publish and /prepared/publish, what is posted goes to whoever has come to
// /hub/subscribe or /prepared/subscribe, and GET says how many they are.
package main

import (
	"compress/flate"
	"log"
	"net/http"
	"os"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const maxMessageBytes = 1 << 20

func anyOrigin(*http.Request) bool { return true }

func echoWith(upgrader websocket.Upgrader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered
		}
		defer conn.Close()
		conn.SetReadLimit(maxMessageBytes)
		if err := conn.SetCompressionLevel(flate.BestSpeed); err != nil {
			log.Print(err)
			return
		}
		echo(conn)
	}
}

func echo(conn *websocket.Conn) {
	for {
		messageType, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		// ReadMessage leaves it to its caller; RFC 6455 8.1.
		if messageType == websocket.TextMessage && !utf8.Valid(message) {
			reason := websocket.FormatCloseMessage(websocket.CloseInvalidFramePayloadData, "")
			conn.WriteMessage(websocket.CloseMessage, reason)
			return
		}
		if conn.WriteMessage(messageType, message) != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gorilla ADDRESS")
	}
	http.HandleFunc("/echo", echoWith(websocket.Upgrader{CheckOrigin: anyOrigin}))
	http.HandleFunc("/deflate", echoWith(websocket.Upgrader{CheckOrigin: anyOrigin, EnableCompression: true}))
	large := websocket.Upgrader{CheckOrigin: anyOrigin, ReadBufferSize: 72 << 10, WriteBufferSize: 72 << 10}
	http.HandleFunc("/large", echoWith(large))
	serveHub("/hub", plain)
	serveHub("/prepared", prepared)
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
