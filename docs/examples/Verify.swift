// A sketch for iOS: to be read, not run by the tests. Swift 5.9, Foundation alone.
// On the field of the code: .textContentType(.oneTimeCode) and .keyboardType(.numberPad).
import Foundation

struct Challenge: Decodable { let challenge_id, destination: String; let resend_in: Int }
struct Verified: Decodable { let receipt, device_token: String? }
/// Decide by `code`; the app has a text for each in the customer's language.
struct Problem: Decodable, Error { let code: String; let retry_after: Int? }

struct Verification {
    let service: URL  // such as https://verify.example.com
    /// From an earlier success. Keep it in the keychain, like a session.
    var deviceToken: String?

    func send(to email: String, purpose: String, reference: String) async throws -> Challenge {
        try await call("challenge", ["email": email, "audience": "shop", "purpose": purpose,
                                     "reference": reference, "device_token": deviceToken,
                                     "locale": Locale.current.identifier(.bcp47)])
    }

    /// The receipt goes to the shop's backend, which redeems it. The app itself believes nothing.
    func check(_ code: String, of challenge: Challenge, purpose: String, reference: String) async throws -> Verified {
        try await call("verify", ["challenge_id": challenge.challenge_id, "code": code,
                                  "purpose": purpose, "reference": reference])
    }

    private func call<Answer: Decodable>(_ path: String, _ body: [String: String?]) async throws -> Answer {
        var request = URLRequest(url: service.appending(path: path), timeoutInterval: 15)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue(UUID().uuidString, forHTTPHeaderField: "Idempotency-Key")
        request.httpBody = try JSONEncoder().encode(body.compactMapValues { $0 })
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let http = response as? HTTPURLResponse, 200..<300 ~= http.statusCode else {
            throw try JSONDecoder().decode(Problem.self, from: data)
        }
        return try JSONDecoder().decode(Answer.self, from: data)
    }
}
