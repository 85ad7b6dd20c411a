// A sketch for Android: to be read, not run by the tests. Kotlin 2, call it off the main thread.
// On the field of the code: android:autofillHints="smsOTPCode" and android:inputType="number".
import java.net.HttpURLConnection
import java.net.URL
import java.util.Locale
import java.util.UUID
import org.json.JSONObject

/** Decide by `code`; the app has a text for each in the customer's language. */
class Problem(val code: String, val retryAfter: Int) : Exception(code)

/** `deviceToken` is from an earlier success. Keep it in encrypted storage, like a session. */
class Verification(private val service: String, var deviceToken: String? = null) {

    /** The answer has `challenge_id`, `destination` and `resend_in`. */
    fun send(email: String, purpose: String, reference: String): JSONObject = call(
        "/challenge",
        JSONObject().put("email", email).put("audience", "shop").put("purpose", purpose)
            .put("reference", reference).put("device_token", deviceToken)
            .put("locale", Locale.getDefault().toLanguageTag()),
    )

    /** Its `receipt` goes to the shop's backend, which redeems it. The app itself believes nothing. */
    fun check(challengeId: String, code: String, purpose: String, reference: String): JSONObject = call(
        "/verify",
        JSONObject().put("challenge_id", challengeId).put("code", code).put("purpose", purpose)
            .put("reference", reference),
    ).also { deviceToken = it.optString("device_token").ifEmpty { deviceToken } }

    private fun call(path: String, body: JSONObject): JSONObject {
        val connection = URL(service + path).openConnection() as HttpURLConnection
        connection.connectTimeout = 5_000
        connection.readTimeout = 15_000
        connection.doOutput = true
        connection.setRequestProperty("Content-Type", "application/json")
        connection.setRequestProperty("Idempotency-Key", UUID.randomUUID().toString())
        connection.outputStream.use { it.write(body.toString().toByteArray()) }
        val succeeded = connection.responseCode in 200..299
        val stream = if (succeeded) connection.inputStream else connection.errorStream
        val answer = JSONObject(stream.bufferedReader().readText())
        if (!succeeded) throw Problem(answer.getString("code"), answer.optInt("retry_after"))
        return answer
    }
}
