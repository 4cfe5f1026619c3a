package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"

	"github.com/gorilla/websocket"
)

// As many messages as gorilla's chat example keeps for a client.
const maxWaitingMessages = 256

// client is a session with a goroutine of its own that writes what comes through `send`.
type client struct {
	conn *websocket.Conn
	send chan any
}

// hub is that of gorilla's chat example: one goroutine knows all clients, and hands each message to the
// channel of each. Whoever has let it fill up is closed.
type hub struct {
	clients    map[*client]bool
	register   chan *client
	unregister chan *client
	broadcast  chan any
	counts     chan chan int
}

func newHub() *hub {
	h := &hub{map[*client]bool{}, make(chan *client), make(chan *client), make(chan any), make(chan chan int)}
	go h.run()
	return h
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			h.clients[c] = true
		case c := <-h.unregister:
			h.remove(c)
		case count := <-h.counts:
			count <- len(h.clients)
		case message := <-h.broadcast:
			for c := range h.clients {
				select {
				case c.send <- message:
				default:
					h.remove(c)
				}
			}
		}
	}
}

func (h *hub) remove(c *client) {
	if h.clients[c] {
		delete(h.clients, c)
		close(c.send)
	}
}

func (c *client) write() {
	defer c.conn.Close()
	for message := range c.send {
		var err error
		switch m := message.(type) {
		case []byte:
			err = c.conn.WriteMessage(websocket.TextMessage, m)
		case *websocket.PreparedMessage:
			err = c.conn.WritePreparedMessage(m)
		}
		if err != nil {
			return
		}
	}
}

func (h *hub) subscribe(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: anyOrigin}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	c := &client{conn, make(chan any, maxWaitingMessages)}
	h.register <- c
	go c.write()
	go func() {
		defer func() { h.unregister <- c }()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}()
}

func (h *hub) countSubscribers(w http.ResponseWriter) {
	count := make(chan int)
	h.counts <- count
	if err := json.NewEncoder(w).Encode(map[string]int{"subscribers": <-count}); err != nil {
		log.Print(err)
	}
}

// publish takes what is posted; `prepare` makes of it what is sent to each client.
func (h *hub) publish(prepare func([]byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			h.countSubscribers(w)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		message, err := prepare(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h.broadcast <- message
		w.WriteHeader(http.StatusNoContent)
	}
}

func plain(body []byte) (any, error) { return body, nil }

// prepared makes the frame once for all.
func prepared(body []byte) (any, error) {
	return websocket.NewPreparedMessage(websocket.TextMessage, body)
}

func serveHub(path string, prepare func([]byte) (any, error)) {
	h := newHub()
	http.HandleFunc(path+"/subscribe", h.subscribe)
	http.HandleFunc(path+"/publish", h.publish(prepare))
}
